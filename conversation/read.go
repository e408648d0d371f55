package conversation

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// after returns up to n messages with ids above after, oldest first.
func (m *PersistentConversationManager) after(ctx context.Context, from bun.IDB, id, after int64, n int) ([]Message, error) {
	rows, err := from.QueryContext(ctx,
		`SELECT `+messageColumns+messagesSource+` AND m.id > ? ORDER BY m.id LIMIT ?`, id, after, n)
	if err != nil {
		return nil, database.Explain(err)
	}
	return scanMessages(rows, nil)
}

// snapshot runs fn in a reading transaction in which nothing changes, so that
// what is read in several steps fits together.
func (m *PersistentConversationManager) snapshot(ctx context.Context, fn func(tx database.Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if m.db.Engine() != database.SQLite { // where every transaction is one
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := m.read().BeginTx(ctx, opts)
	if err != nil {
		return database.Explain(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(tx)
}
