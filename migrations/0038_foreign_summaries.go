package migrations

// foreignSummaries keeps whether a summary may hold words of others than the person,
// once the messages that said so have left the window.
//
//   - conversations.summary_foreign and compactions.summary_foreign are 1 where it may;
//     also of what was summarised before, since it is not known of that.
func foreignSummaries() step {
	return step{
		name: "0038", comment: "foreign summaries",
		up: []string{
			`ALTER TABLE conversations ADD COLUMN summary_foreign BIGINT NOT NULL DEFAULT 0`,
			`ALTER TABLE compactions ADD COLUMN summary_foreign BIGINT NOT NULL DEFAULT 0`,
			`UPDATE conversations SET summary_foreign = 1 WHERE summary IS NOT NULL`,
			`UPDATE compactions SET summary_foreign = 1 WHERE summary IS NOT NULL`,
		},
		down: []string{
			`ALTER TABLE compactions DROP COLUMN summary_foreign`,
			`ALTER TABLE conversations DROP COLUMN summary_foreign`,
		},
	}
}
