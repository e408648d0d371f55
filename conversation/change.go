package conversation

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
)

// UpdateStats adds tokens that belong to no message, to the conversation and
// to what its user key has used now.
func (m *PersistentConversationManager) UpdateStats(ctx context.Context, id, tokensUsed int64) error {
	if tokensUsed < 0 || tokensUsed > maxTokens {
		return invalidf("tokens %d is not a possible count", tokensUsed)
	}
	now := m.db.Now()
	return m.change(ctx, id, func(ctx context.Context, tx database.Tx, userKey string) error {
		_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET total_tokens = total_tokens + ?, last_activity = ? WHERE id = ?`,
			tokensUsed, m.db.TimeArg(now), id)
		if err != nil || tokensUsed == 0 {
			return err
		}
		return m.countTokens(ctx, tx, []entry{{userHash(userKey), now.UnixMicro(), tokensUsed}})
	})
}

// SetModel sets the model of this conversation only; "" = the default.
func (m *PersistentConversationManager) SetModel(ctx context.Context, id int64, model string) error {
	return m.set(ctx, id, "model", model, maxPart)
}

// SetModelTx is [PersistentConversationManager.SetModel] inside the caller's transaction.
func (m *PersistentConversationManager) SetModelTx(ctx context.Context, tx database.Tx, id int64, model string) error {
	return m.setTx(ctx, tx, id, "model", model, maxPart)
}

// SetPersona sets the persona of this conversation only; "" = the default.
func (m *PersistentConversationManager) SetPersona(ctx context.Context, id int64, persona string) error {
	return m.set(ctx, id, "persona", persona, maxPart)
}

// SetPersonaTx is [PersistentConversationManager.SetPersona] inside the caller's transaction.
func (m *PersistentConversationManager) SetPersonaTx(ctx context.Context, tx database.Tx, id int64, persona string) error {
	return m.setTx(ctx, tx, id, "persona", persona, maxPart)
}

// SetSummary sets the summary; "" = none.
func (m *PersistentConversationManager) SetSummary(ctx context.Context, id int64, summary string) error {
	return m.set(ctx, id, "summary", cleanText(summary), maxSummary)
}

const maxSummary = 16 << 20 // characters

func (m *PersistentConversationManager) set(ctx context.Context, id int64, column, value string, limit int) error {
	return m.change(ctx, id, func(ctx context.Context, tx database.Tx, _ string) error {
		return m.setTx(ctx, tx, id, column, value, limit)
	})
}

func (m *PersistentConversationManager) setTx(ctx context.Context, tx database.Tx, id int64, column, value string, limit int) error {
	if err := validText(column, value, limit); err != nil {
		return err
	}
	_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET `+column+` = ? WHERE id = ?`, value, id)
	return err
}

// change runs fn in a transaction that holds the conversation's row, or returns [ErrNotFound].
func (m *PersistentConversationManager) change(ctx context.Context, id int64, fn func(ctx context.Context, tx database.Tx, userKey string) error) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		held, err := m.lockRow(ctx, tx, id)
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
