// Package access says whom the bot is for: who is listed, who is let in by an
// admin with a code (pairing), who is shut out, how often one person is answered
// in one chat, and when what writes is a program that answers our answers.
//
// Where an event comes in, [Gate.Refuse] turns away what needs no word. Whoever
// may have one is met by the turn, see [Gate.Meet].
package access
