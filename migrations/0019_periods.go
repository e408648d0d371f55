package migrations

// periods keeps what is used of budgets by their periods, so that one statement
// can both check and reserve, and the summaries that are to be made.
//
//   - budgets.who is the SHA-256 of a person or chat, as in budget_counts; start
//     and ends bound the period, in microseconds since 1970.
//   - budgets.name is the person or chat as the API shows it; empty once that is erased.
//   - budget_holds are the reservations of calls that are being made. One that is
//     not settled by expires_at counts as used, and settled is then 1.
//   - compactions.upto is the last message that the summary is to stand for, and
//     event_id the event that led to it, whose author pays. summary is there when it
//     is made, ready_at when somebody may work on it (NULL: nobody needs to), and
//     lease_no counts who did.
func periods() step {
	return step{
		name: "0019", comment: "periods",
		up: []string{
			`CREATE TABLE IF NOT EXISTS budgets (
				who {hash} NOT NULL,
				start BIGINT NOT NULL,
				ends BIGINT NOT NULL,
				scope {str50} NOT NULL,
				name {text} NOT NULL,
				used BIGINT NOT NULL DEFAULT 0,
				reserved BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (who, start)
			){clustered}`,
			`CREATE INDEX budgets_ends ON budgets (ends)`,
			`CREATE TABLE IF NOT EXISTS budget_holds (
				id {hash} NOT NULL,
				who {hash} NOT NULL,
				start BIGINT NOT NULL,
				tokens BIGINT NOT NULL,
				expires_at BIGINT NOT NULL,
				settled BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (id, who)
			){clustered}`,
			`CREATE INDEX budget_holds_expire ON budget_holds (settled, expires_at)`,
			`CREATE TABLE IF NOT EXISTS compactions (
				conversation_id BIGINT NOT NULL,
				event_id BIGINT NOT NULL,
				upto BIGINT NOT NULL,
				summary {text},
				attempts BIGINT NOT NULL DEFAULT 0,
				ready_at BIGINT,
				lease_no BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (conversation_id)
			){clustered}`,
			`CREATE INDEX compactions_ready ON compactions (ready_at)`,
		},
		down: []string{
			"DROP TABLE IF EXISTS compactions",
			"DROP TABLE IF EXISTS budget_holds",
			"DROP TABLE IF EXISTS budgets",
		},
	}
}
