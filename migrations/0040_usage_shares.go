package migrations

// usageShares gives each day and model several rows, of which a call takes one by
// the person: with one row every commit of a turn waited for the one before to
// reach the disk.
//
//   - usage_daily.share is below 16; what was counted before is in 0.
func usageShares() step {
	table := func(name, share, key string) string {
		return `{sqlite CREATE TABLE ` + name + ` (day TEXT NOT NULL, model TEXT NOT NULL, prompt_tokens BIGINT NOT NULL, ` +
			`completion_tokens BIGINT NOT NULL, calls BIGINT NOT NULL, cached_tokens BIGINT NOT NULL DEFAULT 0, ` +
			`written_tokens BIGINT NOT NULL DEFAULT 0, cost BIGINT` + share + `, PRIMARY KEY (` + key + `)) WITHOUT ROWID}`
	}
	const swap = `{sqlite ALTER TABLE usage_new RENAME TO usage_daily}`
	return step{
		name: "0040", comment: "usage shares",
		up: []string{
			`{postgres ALTER TABLE usage_daily ADD COLUMN share BIGINT NOT NULL DEFAULT 0, DROP CONSTRAINT usage_daily_pkey, ADD PRIMARY KEY (day, model, share)}`,
			`{mysql ALTER TABLE usage_daily ADD COLUMN share BIGINT NOT NULL DEFAULT 0, DROP PRIMARY KEY, ADD PRIMARY KEY (day, model, share)}`,
			table("usage_new", ", share BIGINT NOT NULL DEFAULT 0", "day, model, share"),
			`{sqlite INSERT INTO usage_new (` + usageColumns + `) SELECT ` + usageColumns + ` FROM usage_daily}`,
			`{sqlite DROP TABLE usage_daily}`, swap,
		},
		down: []string{
			// All of a day and model in one row, which stands apart until the others are gone.
			`INSERT INTO usage_daily (` + usageColumns + `, share) SELECT day, model, SUM(prompt_tokens), SUM(completion_tokens), SUM(calls), SUM(cached_tokens), ` +
				`SUM(written_tokens), CASE WHEN COUNT(cost) = COUNT(*) THEN SUM(cost) END, -1 FROM usage_daily WHERE share >= 0 GROUP BY day, model`,
			`DELETE FROM usage_daily WHERE share >= 0`,
			`{postgres ALTER TABLE usage_daily DROP CONSTRAINT usage_daily_pkey, DROP COLUMN share, ADD PRIMARY KEY (day, model)}`,
			`{mysql ALTER TABLE usage_daily DROP PRIMARY KEY, DROP COLUMN share, ADD PRIMARY KEY (day, model)}`,
			table("usage_new", "", "day, model"),
			`{sqlite INSERT INTO usage_new (` + usageColumns + `) SELECT ` + usageColumns + ` FROM usage_daily}`,
			`{sqlite DROP TABLE usage_daily}`, swap,
		},
	}
}

const usageColumns = `day, model, prompt_tokens, completion_tokens, calls, cached_tokens, written_tokens, cost`
