// Package migrations holds the versioned schema, embedded, one set for three
// dialects, and takes a database from any older version to the newest.
//
// A migration is frozen once it has landed: it may be followed, never edited.
// Applied ones are recorded in the table schema_version.
package migrations
