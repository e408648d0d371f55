package migrations

// budgetWarnings keeps how much of a budget's period was warned of, in percent, so
// that whichever replica comes first says it, once.
func budgetWarnings() step {
	return step{
		name: "0035", comment: "budget warnings",
		up:   []string{`ALTER TABLE budgets ADD COLUMN warned BIGINT NOT NULL DEFAULT 0`},
		down: []string{`ALTER TABLE budgets DROP COLUMN warned`},
	}
}
