package migrations

// pairings is the table of who asked to be answered (access.mode: pairing), and
// of who was let in.
//
//   - pairings.person_key is the hash of platform, tenant and sender.
//   - expires_at is when a code ends, by the database's clock; 0 once it is approved.
//   - pairing_apps has a row of each app, which is held while a code is opened.
func pairings() step {
	return step{
		name: "0027", comment: "pairings",
		up: []string{
			`CREATE TABLE IF NOT EXISTS pairings (
				id {serial},
				person_key {hash} NOT NULL UNIQUE,
				code {str20} NOT NULL UNIQUE,
				platform {str50} NOT NULL,
				tenant {str255} NOT NULL,
				user_id {str255} NOT NULL,
				name {str255} NOT NULL,
				state {str20} NOT NULL,
				created_at BIGINT NOT NULL,
				expires_at BIGINT NOT NULL
			){table}`,
			`CREATE INDEX pairings_open ON pairings (platform, state, expires_at)`,
			`CREATE TABLE IF NOT EXISTS pairing_apps (
				platform {str50} NOT NULL PRIMARY KEY
			){clustered}`,
		},
		down: []string{"DROP TABLE IF EXISTS pairings", "DROP TABLE IF EXISTS pairing_apps"},
	}
}
