package migrations

// MessageKeys is the number of the migration since which the key of a message begins
// with its own id. What is older keeps its key (events.message_key) and is looked for
// by it.
const MessageKeys = "0041"

// usageColumnsInOrder puts usage_daily.share behind the other columns of the key, for
// SQLite: an older one takes the others of a table without rowids for empty when it
// checks a file.
func usageColumnsInOrder() step {
	const (
		share  = `share BIGINT NOT NULL DEFAULT 0, `
		counts = `prompt_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL, calls BIGINT NOT NULL, ` +
			`cached_tokens BIGINT NOT NULL DEFAULT 0, written_tokens BIGINT NOT NULL DEFAULT 0, cost BIGINT, `
	)
	table := func(columns string) []string {
		return []string{
			`{sqlite CREATE TABLE usage_new (day TEXT NOT NULL, model TEXT NOT NULL, ` + columns + `PRIMARY KEY (day, model, share)) WITHOUT ROWID}`,
			`{sqlite INSERT INTO usage_new (` + usageColumns + `, share) SELECT ` + usageColumns + `, share FROM usage_daily}`,
			`{sqlite DROP TABLE usage_daily}`,
			`{sqlite ALTER TABLE usage_new RENAME TO usage_daily}`,
		}
	}
	return step{name: MessageKeys, comment: "usage columns", up: table(share + counts), down: table(counts + share)}
}
