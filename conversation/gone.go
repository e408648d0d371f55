package conversation

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-bot/parley/internal/database"
)

// Gone is a conversation whose messages are removed, all that it had.
type Gone struct {
	ID       int64
	Identity []byte
}

// OnGone has fn join each transaction that removes the messages of a
// conversation, however it comes to that, so that what others keep of them is
// not forgotten. It is called before anything else uses the manager. What fn
// notes is done once [PersistentConversationManager.FinishRemoval] has returned.
func (m *PersistentConversationManager) OnGone(fn func(ctx context.Context, tx database.Tx, g Gone) error) {
	m.gone = fn
}

// goneTx tells who wants to know of it.
func (m *PersistentConversationManager) goneTx(ctx context.Context, tx database.Tx, id int64, identity []byte) error {
	if m.gone == nil || len(identity) == 0 {
		return nil
	}
	return m.gone(ctx, tx, Gone{ID: id, Identity: identity})
}

// identityOf returns the identity of a conversation that is to be told of, nil
// where nobody wants to know or there is none.
func (m *PersistentConversationManager) identityOf(ctx context.Context, tx database.Tx, id int64) (identity []byte, err error) {
	if m.gone == nil {
		return nil, nil
	}
	err = m.db.QueryRow(ctx, tx, []any{&identity}, `SELECT identity FROM conversations WHERE id = ? AND visible = 1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return identity, err
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
