package conversation

import (
	"context"
	"fmt"
	"math"

	"github.com/parley-bot/parley/conversation/message"
)

// HistoryOptions bound a history; 0 = no limit of that kind, and the tighter
// one wins. The newest turn is always there.
type HistoryOptions struct{ MaxTurns, MaxTokens int }

// LoadHistory returns the last turns in order. A turn starts at a user message
// and keeps everything up to the next one; what stands before the first user
// message is a turn of its own. A tool result without its call, and a call
// without its result, is left out.
//
// It reads backwards from the newest message and stops as soon as a limit is
// reached, so its cost is that of what it returns.
func (m *PersistentConversationManager) LoadHistory(ctx context.Context, id int64, o HistoryOptions) ([]Message, error) {
	return m.history(ctx, id, o)
}

const (
	firstPage = 64
	lastPage  = 1024
)

func (m *PersistentConversationManager) history(ctx context.Context, id int64, o HistoryOptions) ([]Message, error) {
	if o.MaxTurns < 0 || o.MaxTokens < 0 {
		return nil, message.Invalidf("a history limit is below 0 (max_turns %d, max_tokens %d)", o.MaxTurns, o.MaxTokens)
	}
	w := window{limits: o}
	size := firstPage
	if o.MaxTurns > 0 && o.MaxTurns < firstPage/2 {
		size = max(8, 2*o.MaxTurns) // most turns are a question and its answer
	}
	before := int64(math.MaxInt64)
	for {
		msgs, more, err := m.page(ctx, id, before, size)
		if err != nil {
			return nil, err
		}
		for i := range msgs {
			w.add(msgs[i])
		}
		if !more {
			w.endTurn() // what stands before the first user message
		}
		if w.complete || !more {
			return w.messages(), nil
		}
		before, size = msgs[len(msgs)-1].ID, min(2*size, lastPage)
	}
}

// historyQuery reads messages newest first. Its arguments are the conversation,
// the id below which to read, and how many.
const historyQuery = `SELECT ` + messageColumns + messagesSource + ` AND m.id < ? ORDER BY m.id DESC LIMIT ?`

// page returns up to n messages with ids below before, newest first, and
// whether there are more. An empty answer to the first page may mean that there
// is no such conversation.
func (m *PersistentConversationManager) page(ctx context.Context, id, before int64, n int) (_ []Message, more bool, err error) {
	msgs, left, err := m.messages(ctx, m.read(), pageBytes, historyQuery, id, before, n)
	if err != nil {
		return nil, false, fmt.Errorf("conversation %d: %w", id, err)
	}
	if len(msgs) == 0 && before == math.MaxInt64 {
		_, err = m.Get(ctx, id)
	}
	return msgs, left <= 0 || len(msgs) == n, err
}
