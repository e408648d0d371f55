package conversation

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-bot/parley/internal/database"
)

// Held is a conversation whose row is locked until the transaction ends. On
// SQLite, where there is one writer, it is only read.
type Held struct {
	ID              int64
	UserKey         string
	firstID, nextID int64
}

const holdColumns = `SELECT id, user_key, first_id, next_id FROM conversations WHERE visible = 1 AND `

// HoldTx locks the conversation that key names, making it when there is none.
func (m *PersistentConversationManager) HoldTx(ctx context.Context, tx database.Tx, key Key) (Held, error) {
	if err := key.Validate(); err != nil {
		return Held{}, err
	}
	identity := key.Identity()
	held, err := m.hold(ctx, tx, `identity = ?`, identity)
	if !errors.Is(err, sql.ErrNoRows) {
		return held, err
	}
	now := m.db.TimeArg(m.db.Now())
	_, err = m.db.Exec(ctx, tx, m.sql.create, identity, key.UserKey, key.Platform, key.ChatID, key.Tenant, key.ThreadID, now, now)
	if err != nil {
		return Held{}, err
	}
	return m.hold(ctx, tx, `identity = ?`, identity)
}

// holdID locks the conversation with this id, or returns [ErrNotFound].
func (m *PersistentConversationManager) holdID(ctx context.Context, tx database.Tx, id int64) (Held, error) {
	held, err := m.hold(ctx, tx, `id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return held, notFound(id)
	}
	return held, err
}

func (m *PersistentConversationManager) hold(ctx context.Context, tx database.Tx, where string, is any) (h Held, err error) {
	err = m.db.QueryRow(ctx, tx, []any{&h.ID, &h.UserKey, &h.firstID, &h.nextID}, holdColumns+where+m.db.ForUpdate(), is)
	return h, err
}
