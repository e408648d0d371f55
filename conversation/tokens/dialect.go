package tokens

import "github.com/parley-bot/parley/internal/database"

// countOf adds an entry to what is there.
func countOf(engine database.Engine) string {
	return database.Upsert(engine, `INSERT INTO token_ledger (user_hash, at, tokens) VALUES (?, ?, ?)`,
		"user_hash, at", "tokens = token_ledger.tokens + excluded.tokens")
}
