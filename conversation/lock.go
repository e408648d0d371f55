package conversation

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-bot/parley/internal/database"
)

// heldRow is what is needed of a conversation's row while it is locked.
type heldRow struct {
	UserKey         string
	FirstID, NextID int64
}

// lockRow locks the row of a visible conversation until the transaction ends.
// On SQLite, where there is one writer, it only reads.
func (m *PersistentConversationManager) lockRow(ctx context.Context, tx database.Tx, id int64) (heldRow, error) {
	var r heldRow
	err := m.db.QueryRow(ctx, tx, []any{&r.UserKey, &r.FirstID, &r.NextID},
		`SELECT user_key, first_id, next_id FROM conversations WHERE id = ? AND visible = 1`+m.db.ForUpdate(), id)
	if errors.Is(err, sql.ErrNoRows) {
		return r, notFound(id)
	}
	return r, err
}
