package migrations

// Budgets is the number of the migration since which a person is one person.
const Budgets = "0010"

// budgets is what people and chats have used of their tokens.
//
//   - who is the SHA-256 of a person (tenant, platform, sender) or of a chat
//     (tenant, platform, id); of what was counted before, that of a user key as
//     in token_ledger.
//   - at is the start of the day, in microseconds since 1970; 0 is long ago. What
//     was counted before is kept by quarters of an hour, since days of all zones
//     begin with one.
func budgets() step {
	return step{
		name: Budgets, comment: "budgets",
		up: []string{
			`CREATE TABLE IF NOT EXISTS budget_counts (
				who {hash} NOT NULL,
				at BIGINT NOT NULL,
				tokens BIGINT NOT NULL,
				PRIMARY KEY (who, at)
			){clustered}`,
			`DELETE FROM budget_counts`, // of a run that was cut short
			`INSERT INTO budget_counts (who, at, tokens)
				SELECT user_hash, at - at % 900000000, SUM(tokens) FROM token_ledger GROUP BY user_hash, at - at % 900000000`,
		},
		down: []string{"DROP TABLE IF EXISTS budget_counts"},
	}
}
