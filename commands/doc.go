// Package commands answers chat commands such as "/save city Paris".
//
// A command is one file: a function that returns a [Command] with its name,
// its texts and what it does, and one line in [New]. It gets a [Call] and
// returns an [Answer]. What it reads, it reads before the turn's commit, and
// so without its own messages; what it writes, it writes in [Answer.Apply],
// inside that commit, so that effect and answer are stored together or not at
// all. Answers are plain text, not Markdown.
package commands
