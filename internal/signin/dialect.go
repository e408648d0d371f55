package signin

import "github.com/parley-bot/parley/internal/database"

// insertOnce inserts a row unless one of its id is there.
func insertOnce(engine database.Engine) string {
	const insert, row = "INSERT", " INTO sign_ins (id, kind, seen_at, ends_at) VALUES (?, ?, ?, ?)"
	if engine == database.MySQL {
		return insert + " IGNORE" + row
	}
	return insert + row + " ON CONFLICT DO NOTHING"
}
