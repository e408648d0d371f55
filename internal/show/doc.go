// Package show makes safe to show what other people wrote: ids, names,
// messages and models' answers on their way to a terminal or a log, and
// addresses on their way to anybody.
//
// The program's own output streams are [Writer]s, so that nobody has to think
// of it where something is printed. [Line] is for what must not break out of
// its line of a table or a log.
package show
