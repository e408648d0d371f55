// Package socket keeps open the connections over which a platform delivers
// events to who has no public address. The platform's own part is a [Protocol]:
// where to connect, and what a message means. This package has what is the same
// for all: when to connect again, how much is worked on at once, that what
// belongs to one chat is stored in the order it was said, and that nothing is
// acknowledged before it is stored.
//
// Of several connections none is faster than the others for long: what one
// brings is stored once the others have answered a ping that was sent after it
// came, and with it all that was sent on them before. See order.go for how long
// that is waited for.
package socket
