package conversation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// orphanAge is how long a hidden conversation is left alone: its import or
// deletion may still be running, and marks it as active with each slice.
const orphanAge = time.Hour

// Sweep removes what an interrupted Import, Delete or Clear has left behind
// and no reader sees, and returns how many conversations' remains it removed.
func (m *PersistentConversationManager) Sweep(ctx context.Context) (int64, error) {
	hidden, err := database.Values[int64](ctx, m.db, m.read(), `SELECT id FROM conversations WHERE visible = 0 AND last_activity < ?`,
		m.db.TimeArg(m.db.Now().Add(-orphanAge)))
	if err != nil {
		return 0, err
	}
	cleared, err := database.Values[int64](ctx, m.db, m.read(), `SELECT c.id FROM conversations c WHERE c.first_id > 1 AND c.visible = 1 AND EXISTS
		(SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND m.id < c.first_id)`)
	if err != nil {
		return 0, err
	}
	n, err := m.removeHidden(ctx, hidden)
	if err != nil {
		return n, err
	}
	for _, id := range cleared {
		if err := m.removeCleared(ctx, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// FinishRemoval removes what is left of the rows of conversations that were
// cleared, deleted or replaced, as far as nobody has done so yet.
func (m *PersistentConversationManager) FinishRemoval(ctx context.Context, ids []int64) error {
	cleared, err := database.Values[int64](ctx, m.db, m.read(), `SELECT id FROM conversations WHERE visible = 1 AND id IN (?)`, ids)
	if err != nil {
		return err
	}
	hidden, err := database.Values[int64](ctx, m.db, m.read(), `SELECT id FROM conversations WHERE visible = 0 AND id IN (?)`, ids)
	if err != nil {
		return err
	}
	for _, id := range cleared {
		if err := m.removeCleared(ctx, id); err != nil {
			return err
		}
	}
	_, err = m.removeHidden(ctx, hidden)
	return err
}

// removeHidden removes the rows of hidden conversations in slices and returns
// how many conversations are gone.
func (m *PersistentConversationManager) removeHidden(ctx context.Context, ids []int64) (gone int64, err error) {
	for len(ids) > 0 {
		var done int
		err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
			done, err = m.removeSlice(ctx, tx, ids)
			return err
		})
		if err != nil {
			return gone, err
		}
		ids, gone = ids[done:], gone+int64(done)
	}
	return gone, nil
}

// removeSlice removes up to sliceRows messages of the first of ids, with each
// conversation that has none left, and returns how many are gone.
func (m *PersistentConversationManager) removeSlice(ctx context.Context, tx database.Tx, ids []int64) (done int, err error) {
	for budget := sliceRows; budget > 0 && done < len(ids); done++ {
		id := ids[done]
		if err := m.takeBackTokens(ctx, tx, id, budget); err != nil {
			return done, err
		}
		n, more, err := m.deleteSlice(ctx, tx, id, maxID, budget)
		if err != nil || more {
			return done, err
		}
		if err := m.dropCompaction(ctx, tx, id); err != nil {
			return done, err
		}
		if _, err := m.db.Exec(ctx, tx, `DELETE FROM conversations WHERE id = ? AND visible = 0`, id); err != nil {
			return done, err
		}
		budget -= n + 5 // an empty conversation costs something too
	}
	return done, nil
}

const maxID = int64(1)<<62 - 1

// deleteSlice deletes the oldest messages with ids below before, at most n, and
// reports whether there are more.
func (m *PersistentConversationManager) deleteSlice(ctx context.Context, tx database.Tx, id, before int64, n int) (deleted int, more bool, err error) {
	var edge int64
	err = m.db.QueryRow(ctx, tx, []any{&edge}, `SELECT id FROM messages WHERE conversation_id = ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?`,
		id, before, n)
	switch {
	case err == nil:
		before, more = edge, true
	case !errors.Is(err, sql.ErrNoRows):
		return 0, false, err
	}
	rows, err := m.db.Exec(ctx, tx, `DELETE FROM messages WHERE conversation_id = ? AND id < ?`, id, before)
	if err != nil {
		return 0, false, err
	}
	return int(rows), more, m.dropBlocksTx(ctx, tx, id, 0, before-1)
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
