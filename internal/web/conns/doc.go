// Package conns bounds how many connections the listeners of one server hold
// together, and decides which one gives way when another comes in.
//
// A connection is idle while nothing has come in on it since it was opened or
// last answered, unverified while a request is on it that nobody has vouched
// for, and verified once its handler has called [Verified], until the answer is
// out. At the limit the longest idle one is closed, else the longest unverified
// one. Verified ones are people and platforms that we serve: while all are
// such, who knocks waits.
//
// So a crowd of connections that say nothing, or say it slowly, shuts nobody
// out: whoever comes in is let in at once, and has as long to prove itself as a
// whole crowd takes to come in after it.
package conns
