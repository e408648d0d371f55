// Package sentences is the one catalogue of what Parley itself says in a chat,
// in English and Chinese: answers of commands, refusals, apologies, notices.
//
// To add a sentence, put its key into english.go and chinese.go, with the same
// verbs, and say it with a [Voice] (or a commands.Call, which has one):
//
//	voice.Say("history.title", n)
//
// The tests of this room find a key that is missing in one of them, one that
// is never said, verbs that differ, and sentences that a room on the way to a
// chat holds itself.
package sentences
