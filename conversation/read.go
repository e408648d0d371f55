package conversation

import (
	"context"
	"fmt"

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

// some is after that ends, with one message at least, when they take pageBytes:
// cut then says that there may be more.
func (m *PersistentConversationManager) some(ctx context.Context, from bun.IDB, id, after int64, n int) (msgs []Message, cut bool, err error) {
	rows, err := from.QueryContext(ctx, afterQuery(m.db.Engine()), id, after, n)
	if err != nil {
		return nil, false, database.Explain(err)
	}
	msgs, left, err := scanSome(rows, nil, pageBytes)
	return msgs, left <= 0, err
}

const (
	exportPage = 500     // how many messages are read at once
	pageBytes  = 4 << 20 // about how much memory they may take
)

// pages gives page all messages with ids above after, oldest first, some at a time.
func (m *PersistentConversationManager) pages(ctx context.Context, from bun.IDB, id, after int64, page func([]Message) error) error {
	for n := exportPage; ; {
		msgs, cut, err := m.some(ctx, from, id, after, n)
		if err != nil {
			return fmt.Errorf("conversation %d: %w", id, err)
		}
		if len(msgs) == 0 {
			return nil
		}
		if err := page(msgs); err != nil {
			return err
		}
		if len(msgs) < n && !cut {
			return nil
		}
		after = msgs[len(msgs)-1].ID
		n = min(2*len(msgs), exportPage) // no more than will be used
	}
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
