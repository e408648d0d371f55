// Package app puts the program together: the only place that knows every room.
// The command line and the end-to-end tests use it in the same way: New, Run,
// Close.
package app
