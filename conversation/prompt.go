package conversation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// LoadContext returns what a model may be given: the messages from an id on (0 =
// all), without commands and their answers, oldest first. Of more than maxBytes of
// text only the newest are there, and the history is partial; a single message
// that has more is there without its text. maxBytes of 0 or less is no limit.
//
// It reads backwards, so its cost is that of what it returns.
func (m *PersistentConversationManager) LoadContext(ctx context.Context, id, from int64, maxBytes int) (msgs []Message, partial bool, err error) {
	if maxBytes <= 0 || maxBytes > math.MaxInt32 {
		maxBytes = math.MaxInt32
	}
	before, bytes := int64(math.MaxInt64), 0
	for size := firstPage; ; size = min(2*size, lastPage) {
		page, left, err := m.messages(ctx, m.read(), pageBytes, m.sql.context, maxBytes, maxBytes, from, id, before, size)
		if err != nil {
			return nil, false, fmt.Errorf("conversation %d: %w", id, err)
		}
		for i := range page {
			if bytes += promptBytes(&page[i]); bytes > maxBytes && len(msgs) > 0 {
				slices.Reverse(msgs)
				return msgs, true, nil
			}
			msgs = append(msgs, page[i])
		}
		if left > 0 && len(page) < size {
			slices.Reverse(msgs)
			return msgs, false, nil
		}
		before = page[len(page)-1].ID
	}
}

// promptBytes is how much text of m a model is given.
func promptBytes(m *Message) int {
	n := len(m.Content) + len(m.Opaque)
	for _, p := range m.Context {
		n += len(p.Text)
	}
	return n
}

// EraseContexts removes what models were told beside messages that were stored by
// a time, in all conversations of a platform and tenant: whose words it holds may
// not be known. Summaries that were made of it go, too.
func (m *PersistentConversationManager) EraseContexts(ctx context.Context, tenant, platform string, before time.Time) error {
	ids, err := database.Values[int64](ctx, m.db, m.read(), `SELECT DISTINCT m.conversation_id FROM messages m JOIN conversations c ON c.id = m.conversation_id
		WHERE m.context_json IS NOT NULL AND c.platform = ? AND c.tenant = ?`, platform, tenant)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return m.eraseContextsTx(ctx, tx, id, before) }); err != nil {
			return err
		}
	}
	return nil
}

func (m *PersistentConversationManager) eraseContextsTx(ctx context.Context, tx database.Tx, id int64, before time.Time) error {
	if _, err := m.holdID(ctx, tx, id); err != nil && !errors.Is(err, ErrNotFound) { // what is hidden is erased all the same
		return err
	}
	var first int64
	err := m.db.QueryRow(ctx, tx, []any{&first}, `SELECT COALESCE(MIN(id), 0) FROM messages WHERE conversation_id = ? AND context_json IS NOT NULL AND timestamp <= ?`,
		id, m.db.TimeArg(before))
	if err != nil || first == 0 {
		return err
	}
	if err := m.dropSummaryTx(ctx, tx, id, first); err != nil {
		return err
	}
	_, err = m.db.Exec(ctx, tx, `UPDATE messages SET context_json = NULL WHERE conversation_id = ? AND context_json IS NOT NULL AND timestamp <= ?`,
		id, m.db.TimeArg(before))
	return err
}
