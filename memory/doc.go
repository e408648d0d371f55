// Package memory keeps what the bot knows besides conversations: who has ever
// written and their preferences, facts that a chat wants remembered, scores,
// and how often commands are used.
//
// [Backend] is the interface. [Store] keeps it in SQL, where changes join the
// turn's commit; memory/dynamo in DynamoDB, where they are made before it,
// once for each [Effect]. Both pass memory/memorytest.
//
// A person is a sender on a platform within a tenant, and preferences belong
// to the person in every chat. Facts and scores belong to a [Place]. All are
// keyed by hashes of the exact bytes, since the engines disagree on whether
// "theme", "Theme" and "theme " are the same text.
package memory
