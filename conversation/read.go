package conversation

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// after returns up to n messages with ids above after, oldest first.
func (m *PersistentConversationManager) after(ctx context.Context, from bun.IDB, id, after int64, n int) ([]Message, error) {
	rows, err := from.QueryContext(ctx, afterQuery(m.db.Engine()), id, after, n)
	if err != nil {
		return nil, database.Explain(err)
	}
	return scanMessages(rows, nil)
}

// afterQuery reads one page. SQLite starts at one lower bound and only filters
// by a second one, so that the last page of a long conversation would cost as
// much as all of it: there the two are made one.
func afterQuery(engine database.Engine) string {
	source := messagesSource + ` AND m.id > ?`
	if engine == database.SQLite {
		source = ` FROM conversations c JOIN messages m ON m.conversation_id = c.id
			WHERE c.id = ? AND c.visible = 1 AND m.id > MAX(c.first_id - 1, ?)`
	}
	return `SELECT ` + messageColumns + source + ` ORDER BY m.id LIMIT ?`
}
