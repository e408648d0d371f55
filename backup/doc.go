// Package backup writes everything that a person or an admin would miss to a
// folder, checks such a folder, and takes it back.
//
// A folder holds one JSON file for each conversation, in the form of an export;
// one file NAME.jsonl for each [database.Part], a record a line; and, last of
// all, manifest.json, which names them with their sizes and SHA-256 sums and
// ends with its own. What a backup holds is listed where one is put together,
// in internal/app/backup.go.
//
// A folder without a manifest is of an older version, of cleanup --archive, or
// of exports: its conversations are restored.
package backup
