package conversation

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// GetOrCreate returns the conversation that key names, making it when there is
// none, and marks it as active now. However many callers race, there is one row.
func (m *PersistentConversationManager) GetOrCreate(ctx context.Context, key Key) (*Conversation, error) {
	var c *Conversation
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		held, err := m.HoldTx(ctx, tx, key)
		if err != nil {
			return err
		}
		_, err = m.db.Exec(ctx, tx, `UPDATE conversations SET last_activity = ? WHERE id = ?`, m.db.TimeArg(m.db.Now()), held.ID)
		if err != nil {
			return err
		}
		c, err = m.one(ctx, tx, `id = ?`, held.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Get returns the conversation with this id, or [ErrNotFound].
func (m *PersistentConversationManager) Get(ctx context.Context, id int64) (*Conversation, error) {
	c, err := m.one(ctx, m.read(), `id = ?`, id)
	return c, named(err, id)
}

// Find returns the conversation that key names without making it, or [ErrNotFound].
func (m *PersistentConversationManager) Find(ctx context.Context, key Key) (*Conversation, error) {
	if err := key.Validate(); err != nil {
		return nil, err
	}
	return m.one(ctx, m.read(), `identity = ?`, key.Identity())
}

// GetConversationByUser returns the user key's most recently active
// conversation, or [ErrNotFound].
func (m *PersistentConversationManager) GetConversationByUser(ctx context.Context, userKey string) (*Conversation, error) {
	if err := message.ValidText("user_key", userKey, message.MaxUserKey); err != nil {
		return nil, err
	}
	return m.one(ctx, m.read(), m.exactly("user_key")+` ORDER BY last_activity DESC, id DESC LIMIT 1`, userKey, userKey)
}

func (m *PersistentConversationManager) one(ctx context.Context, from database.Reader, where string, args ...any) (*Conversation, error) {
	c, _, err := m.oneUpTo(ctx, from, where, args...)
	return c, err
}

// oneUpTo is one that also returns the id of the message to come.
func (m *PersistentConversationManager) oneUpTo(ctx context.Context, from database.Reader, where string, args ...any) (c *Conversation, next int64, err error) {
	var row conversationRow
	query := `SELECT ` + conversationColumns + `, next_id FROM conversations WHERE visible = 1 AND ` + where
	err = m.db.QueryRow(ctx, from, append(row.dest(), &next), query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, failure.New(failure.NotFound, "not_found", "no such conversation", ErrNotFound)
	}
	if err != nil {
		return nil, 0, err
	}
	return row.conversation(), next, nil
}

// exactly returns a condition with two arguments, the value twice, under
// which a column is that value byte by byte: MySQL's = ignores trailing spaces.
func (m *PersistentConversationManager) exactly(column string) string {
	return column + ` = ? AND LENGTH(` + column + `) = LENGTH(?)`
}
