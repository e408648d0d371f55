package conversation

import "github.com/parley-bot/parley/internal/database"

// dialect holds the statements that the engines write differently.
type dialect struct {
	// create adds a conversation unless its identity is there, and count an entry
	// of the token ledger to what is there.
	create, count string
	// reserve takes ids for messages. Where it is returning, it returns the next
	// id and the user key as well, which need another query elsewhere: MySQL does
	// not know it, and on SQLite it makes each call keep a journal of its own.
	reserve   string
	returning bool
	// after reads messages with ids above one, oldest first.
	after string
	// vacuum, with the name of a table, gives the space of its deleted rows back;
	// "" where that is the business of the whole file.
	vacuum string
}

func dialectOf(engine database.Engine) dialect {
	d := dialect{
		create: database.Once(engine, `INSERT INTO conversations (identity, user_key, platform, chat_id, tenant, thread_id, created_at, last_activity)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, "identity"),
		count: database.Upsert(engine, `INSERT INTO token_ledger (user_hash, at, tokens) VALUES (?, ?, ?)`,
			"user_hash, at", "tokens = token_ledger.tokens + excluded.tokens"),
		reserve: `UPDATE conversations SET next_id = next_id + ?, message_count = message_count + ?,
			total_tokens = total_tokens + ?, last_activity = ? WHERE id = ? AND visible = 1`,
		after: `SELECT ` + messageColumns + messagesSource + ` AND m.id > ? ORDER BY m.id LIMIT ?`,
	}
	switch engine {
	case database.SQLite:
		// It starts at one lower bound and only filters by a second one, so that the
		// last page of a long conversation would cost as much as all of it: here the
		// two are made one.
		d.after = `SELECT ` + messageColumns + ` FROM conversations c JOIN messages m ON m.conversation_id = c.id
			WHERE c.id = ? AND c.visible = 1 AND m.id > MAX(c.first_id - 1, ?) ORDER BY m.id LIMIT ?`
	case database.Postgres:
		d.reserve, d.returning = d.reserve+` RETURNING next_id, user_key`, true
		d.vacuum = `VACUUM (ANALYZE) `
	case database.MySQL:
		d.vacuum = `OPTIMIZE TABLE `
	}
	return d
}
