package migrations

// files lets a reply be shown as a file.
//
//   - delivery_parts.file_name is the file's name; its content is the part's
//     text. Empty for a message.
func files() step {
	return step{
		name: "0006", comment: "files",
		up:   []string{`ALTER TABLE delivery_parts ADD COLUMN file_name {str255} NOT NULL DEFAULT ''`},
		down: []string{`ALTER TABLE delivery_parts DROP COLUMN file_name`},
	}
}
