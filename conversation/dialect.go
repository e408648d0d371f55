package conversation

import "github.com/parley-bot/parley/internal/database"

// dialect holds the statements that the engines write differently.
type dialect struct {
	// create adds a conversation unless its identity is there.
	create string
	// wantSummary adds a compaction unless there is one.
	wantSummary string
	// keepBlock stores a block of messages unless it is there.
	keepBlock string
	// after reads messages with ids above one, oldest first; context reads what
	// models are given, from one id on and below another, newest first.
	after, context string
	// vacuum, with the name of a table, gives the space of its deleted rows back;
	// "" where that is the business of the whole file.
	vacuum string
}

func dialectOf(engine database.Engine) dialect {
	d := dialect{
		create: database.Once(engine, `INSERT INTO conversations (identity, user_key, platform, chat_id, tenant, thread_id, created_at, last_activity)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, "identity"),
		keepBlock: database.Once(engine, `INSERT INTO message_blocks (conversation_id, block, packed) VALUES (?, ?, ?)`, "conversation_id, block"),
		after:     `SELECT ` + messageColumns + messagesSource + ` AND m.id > ? ORDER BY m.id LIMIT ?`,
		context:   contextOf("GREATEST"),
	}
	d.wantSummary = database.Once(engine, `INSERT INTO compactions (conversation_id, event_id, upto, ready_at) VALUES (?, ?, ?, ?)`, "conversation_id")
	switch engine {
	case database.SQLite:
		// It starts at one lower bound and only filters by a second one, so that the
		// last page of a long conversation would cost as much as all of it: here the
		// two are made one.
		d.context = contextOf("MAX")
		d.after = `SELECT ` + messageColumns + ` FROM conversations c JOIN messages m ON m.conversation_id = c.id
			WHERE c.id = ? AND c.visible = 1 AND m.id > MAX(c.first_id - 1, ?) ORDER BY m.id LIMIT ?`
	case database.Postgres:
		d.vacuum = `VACUUM (ANALYZE) `
	case database.MySQL:
		d.vacuum = `OPTIMIZE TABLE `
	}
	return d
}

// contextOf writes dialect.context with the engine's name of the greater of two numbers.
func contextOf(greater string) string {
	return `SELECT ` + boundedColumns + ` FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.id >= ` + greater + `(c.first_id, ?)
		WHERE c.id = ? AND c.visible = 1 AND m.id < ? AND m.is_command = 0 ORDER BY m.id DESC LIMIT ?`
}
