package migrations

// bills keeps what came from providers' caches, and what calls cost, by person and chat.
//
//   - budget_counts.cached is part of tokens.
//   - budget_counts.cost is in billionths of the provider's currency.
//   - Both are NULL where it is not known, as of all that was counted before.
func bills() step {
	return step{
		name: "0037", comment: "bills",
		up: []string{
			`ALTER TABLE budget_counts ADD COLUMN cached BIGINT`,
			`ALTER TABLE budget_counts ADD COLUMN cost BIGINT`,
		},
		down: []string{
			`ALTER TABLE budget_counts DROP COLUMN cost`,
			`ALTER TABLE budget_counts DROP COLUMN cached`,
		},
	}
}
