package migrations

// signIns is the table of who is signed in to the pages, and of the sign-in
// links that have been used.
//
//   - kind session: id is the hash of what the browser's cookie holds; seen_at is
//     about when it was last shown, ends_at when it ends however often it is.
//   - kind link: id is the hash of the link; the row goes when the link is too old
//     to be used anyway.
func signIns() step {
	return step{
		name: "0008", comment: "sign_ins",
		up: []string{
			`CREATE TABLE IF NOT EXISTS sign_ins (
				id {hash} NOT NULL PRIMARY KEY,
				kind {str20} NOT NULL,
				seen_at BIGINT NOT NULL,
				ends_at BIGINT NOT NULL
			){clustered}`,
		},
		down: []string{"DROP TABLE IF EXISTS sign_ins"},
	}
}
