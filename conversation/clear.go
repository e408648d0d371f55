package conversation

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
)

// Clear removes a conversation's messages and sets its counters and summary to
// zero. The record, its model and persona stay; so does what its user has used.
func (m *PersistentConversationManager) Clear(ctx context.Context, id int64) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return m.ClearTx(ctx, tx, id) })
	if err != nil {
		return err
	}
	return m.removeCleared(ctx, id)
}

// ClearTx is [PersistentConversationManager.Clear] inside the caller's
// transaction. Of a long conversation the rows that are left are hidden from
// then on and removed by the next [PersistentConversationManager.Sweep].
func (m *PersistentConversationManager) ClearTx(ctx context.Context, tx database.Tx, id int64) error {
	held, err := m.lockRow(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = m.db.Exec(ctx, tx, `UPDATE conversations SET first_id = next_id, message_count = 0, total_tokens = 0, summary = NULL WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if _, _, err = m.deleteSlice(ctx, tx, id, held.NextID, sliceRows); err != nil {
		return err
	}
	identity, err := m.identityOf(ctx, tx, id)
	if err != nil {
		return err
	}
	return m.goneTx(ctx, tx, id, identity)
}

// removeCleared removes what [PersistentConversationManager.ClearTx] has left, slice by slice.
func (m *PersistentConversationManager) removeCleared(ctx context.Context, id int64) error {
	for more := true; more; {
		err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			var firstID int64
			err := m.db.QueryRow(ctx, tx, []any{&firstID}, `SELECT COALESCE(MAX(first_id), 0) FROM conversations WHERE id = ?`, id)
			if err != nil {
				return err
			}
			_, more, err = m.deleteSlice(ctx, tx, id, firstID, sliceRows)
			return err
		})
		if err != nil {
			return fmt.Errorf("conversation %d is cleared, but its old messages are not all removed yet: %w", id, err)
		}
	}
	return nil
}
