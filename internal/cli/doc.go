// Package cli is parley's command line: it reads flags, loads the
// configuration, calls the rooms that do the work and turns their errors into
// exit codes.
//
// [Run] is the whole program but for the process around it: streams,
// arguments, environment and interrupts come in, the exit code goes out, so
// tests run it as main does. 0 is fine, 1 means the work failed, 2 is bad
// usage or bad configuration. Every error is one line on stderr,
// "parley: <what>: <why>".
package cli
