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
