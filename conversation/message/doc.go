// Package message holds what a conversation is made of, as plain values: its
// key, its messages, files and tool calls, and the JSON of all of these in export
// files. It knows no database; package conversation keeps them in one, and calls
// the types by the same names.
package message
