package migrations

// costs keeps what came from providers' caches, and what calls cost.
//
//   - usage_daily.cached_tokens and written_tokens are part of prompt_tokens: read
//     from a provider's cache, and written to it.
//   - usage_daily.cost is in billionths of the provider's currency; NULL where the
//     price of a call is not known, as of all that was counted before.
func costs() step {
	return step{
		name: "0022", comment: "costs",
		up: []string{
			`ALTER TABLE usage_daily ADD COLUMN cached_tokens BIGINT NOT NULL DEFAULT 0`,
			`ALTER TABLE usage_daily ADD COLUMN written_tokens BIGINT NOT NULL DEFAULT 0`,
			`ALTER TABLE usage_daily ADD COLUMN cost BIGINT`,
		},
		down: []string{
			`ALTER TABLE usage_daily DROP COLUMN cost`,
			`ALTER TABLE usage_daily DROP COLUMN written_tokens`,
			`ALTER TABLE usage_daily DROP COLUMN cached_tokens`,
		},
	}
}
