// Package commands answers chat commands such as "/save city Paris".
//
// A command is one file: a function that returns a [Command] with its name, who
// may use it where, and what it does, and one line in [New]. It gets a [Call] and
// returns an [Answer]. What it reads, it reads before the turn's commit, and
// so without its own messages; what it writes, it writes in [Answer.Apply],
// inside that commit, so that effect and answer are stored together or not at
// all. What a backend of the memory cannot write in that commit it writes
// before, once, because the change is named after the event.
//
// Answers are plain text, not Markdown, in the language of the person. Their
// texts stand in one catalogue for each language, english.go and chinese.go,
// under the same keys; the English ones are relied on word by word.
//
// docs/commands.md builds a command from start to end.
package commands
