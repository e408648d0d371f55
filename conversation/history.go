package conversation

import (
	"context"
	"fmt"
	"math"
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
	return m.history(ctx, id, o, historyPages{maxBytes: unbounded})
}

// LoadContext is LoadHistory without commands and their answers, and with at
// most so many bytes of text: what a model is given. A single message that has
// more is there without its text. maxBytes of 0 or less is no limit.
func (m *PersistentConversationManager) LoadContext(ctx context.Context, id int64, o HistoryOptions, maxBytes int) ([]Message, error) {
	return m.history(ctx, id, o, historyPages{withoutCommands: 1, maxBytes: boundOf(maxBytes)})
}

const (
	firstPage = 64
	lastPage  = 1024
)

// historyPages say how a history is read.
type historyPages struct {
	withoutCommands int // 1: those are left out; 0: they are not
	maxBytes        int // of the text, and of the metadata, of one message
}

// unbounded is more than a text can have.
const unbounded = math.MaxInt32

func boundOf(maxBytes int) int {
	if maxBytes <= 0 {
		return unbounded
	}
	return min(maxBytes, unbounded)
}

func (m *PersistentConversationManager) history(ctx context.Context, id int64, o HistoryOptions, p historyPages) ([]Message, error) {
	if o.MaxTurns < 0 || o.MaxTokens < 0 {
		return nil, invalidf("a history limit is below 0 (max_turns %d, max_tokens %d)", o.MaxTurns, o.MaxTokens)
	}
	w := window{limits: o, maxBytes: p.maxBytes}
	size := firstPage
	if o.MaxTurns > 0 && o.MaxTurns < firstPage/2 {
		size = max(8, 2*o.MaxTurns) // most turns are a question and its answer
	}
	before := int64(math.MaxInt64)
	for {
		msgs, more, err := m.page(ctx, id, before, p, size)
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

// historyQuery reads messages newest first. Its arguments are the most bytes of a
// message, twice, the conversation, the id below which to read, 0 for all
// messages or 1 for those that are no commands, and how many.
const historyQuery = `SELECT ` + boundedColumns + messagesSource + ` AND m.id < ? AND m.is_command + ? < 2 ORDER BY m.id DESC LIMIT ?`

// page returns up to n messages with ids below before, newest first, and
// whether there are more. An empty answer to the first page may mean that there
// is no such conversation.
func (m *PersistentConversationManager) page(ctx context.Context, id, before int64, p historyPages, n int) (_ []Message, more bool, err error) {
	msgs, left, err := m.messages(ctx, m.read(), pageBytes, historyQuery, p.maxBytes, p.maxBytes, id, before, p.withoutCommands, n)
	if err != nil {
		return nil, false, fmt.Errorf("conversation %d: %w", id, err)
	}
	if len(msgs) == 0 && before == math.MaxInt64 {
		_, err = m.Get(ctx, id)
	}
	return msgs, left <= 0 || len(msgs) == n, err
}
