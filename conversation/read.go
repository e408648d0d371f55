package conversation

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
)

// after returns up to n messages with ids above after, oldest first, and how many
// of size bytes they have left: it ends when they take more.
func (m *PersistentConversationManager) after(ctx context.Context, from database.Reader, id, after int64, n, size int) ([]Message, int, error) {
	return m.messages(ctx, from, size, m.sql.after, id, after, n)
}

const (
	exportPage = 500     // how many messages are read at once
	pageBytes  = 4 << 20 // about how much memory they may take
)

// pages gives page all messages with ids above after, oldest first, some at a time.
func (m *PersistentConversationManager) pages(ctx context.Context, from database.Reader, id, after int64, page func([]Message) error) error {
	for n := exportPage; ; {
		msgs, left, err := m.after(ctx, from, id, after, n, pageBytes)
		if err != nil {
			return fmt.Errorf("conversation %d: %w", id, err)
		}
		if len(msgs) == 0 {
			return nil
		}
		if err := page(msgs); err != nil {
			return err
		}
		if len(msgs) < n && left > 0 {
			return nil
		}
		after = msgs[len(msgs)-1].ID
		n = min(2*len(msgs), exportPage) // no more than will be used
	}
}
