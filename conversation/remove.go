package conversation

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
)

// sliceRows bounds how many messages one commit removes or imports.
const sliceRows = 128

// Delete removes a conversation with its messages. It is gone for everybody
// after the first, small commit; its rows follow in slices.
func (m *PersistentConversationManager) Delete(ctx context.Context, id int64) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return m.hide(ctx, tx, id, `visible = 1`)
	})
	if err != nil {
		return err
	}
	if _, err := m.removeHidden(ctx, []int64{id}); err != nil {
		return fmt.Errorf("conversation %d is hidden, but not all removed yet: %w", id, err)
	}
	return nil
}

// hide takes a conversation out of sight if condition holds, and sets its real
// identity free. What tells whose it was goes too: rows that are still to be
// removed belong to nobody. Otherwise it is [ErrNotFound].
func (m *PersistentConversationManager) hide(ctx context.Context, tx database.Tx, id int64, condition string, args ...any) error {
	identity, err := m.identityOf(ctx, tx, id)
	if err != nil {
		return err
	}
	args = append([]any{randomIdentity(), m.db.TimeArg(m.db.Now()), id}, args...)
	n, err := m.db.Exec(ctx, tx, `UPDATE conversations SET identity = ?, visible = 0, user_key = '', chat_id = '', tenant = '', thread_id = '',
		summary = NULL, total_tokens = 0, message_count = 0, last_activity = ? WHERE id = ? AND `+condition, args...)
	if err == nil && n == 0 {
		err = notFound(id)
	}
	if err != nil {
		return err
	}
	return m.goneTx(ctx, tx, id, identity)
}

func randomIdentity() []byte {
	id := make([]byte, 32)
	_, _ = rand.Read(id) // never fails
	return id
}

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
	held, err := m.holdID(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = m.db.Exec(ctx, tx, `UPDATE conversations SET first_id = next_id, message_count = 0, total_tokens = 0, summary = NULL, summary_end = 0, summary_foreign = 0 WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if err := m.dropCompaction(ctx, tx, id); err != nil {
		return err
	}
	if _, _, err = m.deleteSlice(ctx, tx, id, held.nextID, sliceRows); err != nil {
		return err
	}
	identity, err := m.identityOf(ctx, tx, id)
	if err != nil {
		return err
	}
	return m.goneTx(ctx, tx, id, identity)
}
