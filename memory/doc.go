// Package memory keeps what the bot knows about people, whatever the
// conversation: who has ever written, and their preferences.
//
// A person is a sender on a platform within a tenant. Preferences belong to
// the person in every chat. Both tables are keyed by hashes of the exact
// bytes, since the engines disagree on whether "theme", "Theme" and "theme "
// are the same text.
//
// What writes takes the caller's transaction, so that a command's effect and
// the turn it belongs to are one commit.
package memory
