// Package dynamo keeps memory in Amazon DynamoDB, or in whatever speaks its
// protocol. It alone knows AWS.
//
// Everything is in one table; [Tables] describes it. The partitions are
// people, places and realms, named by their hashes, so that what belongs
// together is one query and nothing is ever scanned, except by backups:
//
//	person#HASH  self             name
//	             count            how many preferences there are
//	             pref#KEY         a preference
//	             score#BOARD      points on one board, of one day or of all time
//	             reason#PLACE#…   why kudos were given
//	             gave#PERSON#…    where a reason stands that this person gave
//	             fact#PLACE#KEY   where a fact stands that came from this person
//	place#HASH   fact#KEY         a fact
//	             facts            how many there are
//	             score#PERSON#…   where points stand that others have in a private chat
//	realm#HASH   people           how many there are
//	             use#NAME         how often a command was used
//	tenant#HASH                   the same as earlier versions have counted it
//
// There are no transactions. Each counter is changed by one UpdateItem that
// adds and remembers the effect, on the condition that it is not among those
// remembered ([Store.once]); each pointer is written before what it points at
// and removed after it. So a call that was cut short is completed by the next
// one with the same effect, and adds nothing twice.
package dynamo
