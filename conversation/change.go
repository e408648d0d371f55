package conversation

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/tokens"
	"github.com/parley-bot/parley/internal/database"
)

// UpdateStats adds tokens that belong to no message, to the conversation and
// to what its user key has used now.
func (m *PersistentConversationManager) UpdateStats(ctx context.Context, id, tokensUsed int64) error {
	if tokensUsed < 0 || tokensUsed > maxTokens {
		return message.Invalidf("tokens %d is out of range", tokensUsed)
	}
	now := m.db.Now()
	return m.change(ctx, id, func(ctx context.Context, tx database.Tx, userKey string) error {
		_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET total_tokens = total_tokens + ?, last_activity = ? WHERE id = ?`,
			tokensUsed, m.db.TimeArg(now), id)
		if err != nil || tokensUsed == 0 {
			return err
		}
		return m.tokens.AddTx(ctx, tx, []tokens.Entry{{User: tokens.Hash(userKey), At: now.UnixMicro(), Tokens: tokensUsed}})
	})
}

// SetModel sets the model of this conversation only; "" = the default.
func (m *PersistentConversationManager) SetModel(ctx context.Context, id int64, model string) error {
	return m.set(ctx, id, "model", model, message.MaxPart)
}

// SetModelTx is [PersistentConversationManager.SetModel] inside the caller's transaction.
func (m *PersistentConversationManager) SetModelTx(ctx context.Context, tx database.Tx, id int64, model string) error {
	return m.setTx(ctx, tx, id, "model", model, message.MaxPart)
}

// SetPersona sets the persona of this conversation only; "" = the default.
func (m *PersistentConversationManager) SetPersona(ctx context.Context, id int64, persona string) error {
	return m.set(ctx, id, "persona", persona, message.MaxPart)
}

// SetPersonaTx is [PersistentConversationManager.SetPersona] inside the caller's transaction.
func (m *PersistentConversationManager) SetPersonaTx(ctx context.Context, tx database.Tx, id int64, persona string) error {
	return m.setTx(ctx, tx, id, "persona", persona, message.MaxPart)
}

// SetSummary sets the summary; "" = none. Whose words it holds is not known.
func (m *PersistentConversationManager) SetSummary(ctx context.Context, id int64, summary string) error {
	return m.change(ctx, id, func(ctx context.Context, tx database.Tx, _ string) error {
		if err := m.setTx(ctx, tx, id, "summary", message.CleanText(summary), maxSummary); err != nil {
			return err
		}
		_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET summary_end = 0, summary_foreign = ? WHERE id = ?`, bit(summary != ""), id)
		return err
	})
}

const maxSummary = 16 << 20 // characters

func (m *PersistentConversationManager) set(ctx context.Context, id int64, column, value string, limit int) error {
	return m.change(ctx, id, func(ctx context.Context, tx database.Tx, _ string) error {
		return m.setTx(ctx, tx, id, column, value, limit)
	})
}

func (m *PersistentConversationManager) setTx(ctx context.Context, tx database.Tx, id int64, column, value string, limit int) error {
	if err := message.ValidText(column, value, limit); err != nil {
		return err
	}
	_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET `+column+` = ? WHERE id = ?`, value, id)
	return err
}

// change runs fn in a transaction that holds the conversation's row, or returns [ErrNotFound].
func (m *PersistentConversationManager) change(ctx context.Context, id int64, fn func(ctx context.Context, tx database.Tx, userKey string) error) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		held, err := m.holdID(ctx, tx, id)
		if err != nil {
			return err
		}
		return fn(ctx, tx, held.UserKey)
	})
	if err != nil {
		return fmt.Errorf("conversation %d: %w", id, err)
	}
	return nil
}
