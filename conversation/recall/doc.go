// Package recall ranks messages by how well they answer a question, the same
// on every database: BM25 over stems of words, and over pairs of characters
// where a script has no blanks.
//
// A message also counts what is said around it, since "Yes, last May!" answers
// a question whose words stand in the message before: the words of the one
// before it (0.7), of the one after (0.5) and of those two away (0.3), and the
// words of its day. One whose author the question names weighs more, one that is
// a question itself less. The weights were found on five dialogs of LoCoMo and
// checked on the other five, see docs/benchmarks.md.
//
// Messages are looked at as blocks of 256 ids of one conversation (see [Pack]).
// A block is a few kilobytes of numbers and holds no text, so that it is kept
// beside the messages and read instead of them.
package recall
