package migrations

// threads holds the threads of groups in which the bot has answered: what is
// said there needs no mention; and the signs in chats that a reply is being made.
//
//   - thread_key is of platform, tenant, chat and thread.
//   - person is of the tenant and user key of who the bot has answered.
//   - several is 1 once somebody else has written there.
//   - signs has a row from before a sign is shown until it is taken away.
//   - handle is what its platform knows a sign by, ” until it is known.
func threads() step {
	return step{
		name: "0024", comment: "threads",
		up: []string{
			`CREATE TABLE IF NOT EXISTS threads (
				thread_key {hash} NOT NULL PRIMARY KEY,
				person {hash} NOT NULL,
				several SMALLINT NOT NULL DEFAULT 0,
				updated_at BIGINT NOT NULL
			){clustered}`,
			`CREATE INDEX threads_person ON threads (person)`,
			`CREATE INDEX threads_age ON threads (updated_at)`,
			`CREATE TABLE IF NOT EXISTS signs (
				event_id BIGINT NOT NULL PRIMARY KEY,
				platform {str50} NOT NULL,
				address {text} NOT NULL,
				handle {str255} NOT NULL DEFAULT '',
				since BIGINT NOT NULL
			){table}`,
		},
		down: []string{`DROP TABLE IF EXISTS signs`, `DROP TABLE IF EXISTS threads`},
	}
}
