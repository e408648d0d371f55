package conversation

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-bot/parley/internal/database"
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
	return m.history(ctx, id, o, 0)
}

// LoadContext is LoadHistory without commands and their answers: what a model is given.
func (m *PersistentConversationManager) LoadContext(ctx context.Context, id int64, o HistoryOptions) ([]Message, error) {
	return m.history(ctx, id, o, 1)
}

// Recent returns the last n messages, commands included, oldest first.
func (m *PersistentConversationManager) Recent(ctx context.Context, id int64, n int) ([]Message, error) {
	if n < 1 {
		return nil, invalidf("n %d is not above 0", n)
	}
	msgs, err := m.page(ctx, id, math.MaxInt64, 0, n)
	slices.Reverse(msgs)
	return msgs, err
}

const (
	firstPage = 64
	lastPage  = 1024
)

func (m *PersistentConversationManager) history(ctx context.Context, id int64, o HistoryOptions, withoutCommands int) ([]Message, error) {
	if o.MaxTurns < 0 || o.MaxTokens < 0 {
		return nil, invalidf("a history limit is below 0 (max_turns %d, max_tokens %d)", o.MaxTurns, o.MaxTokens)
	}
	w := window{limits: o}
	size := firstPage
	if o.MaxTurns > 0 && o.MaxTurns < firstPage/2 {
		size = max(8, 2*o.MaxTurns) // most turns are a question and its answer
	}
	before := int64(math.MaxInt64)
	for {
		msgs, err := m.page(ctx, id, before, withoutCommands, size)
		if err != nil {
			return nil, err
		}
		for i := range msgs {
			w.add(msgs[i])
		}
		if len(msgs) < size {
			w.endTurn() // what stands before the first user message
		}
		if w.complete || len(msgs) < size {
			return w.messages(), nil
		}
		before, size = msgs[len(msgs)-1].ID, min(2*size, lastPage)
	}
}

// prepareHistory prepares the query that reads messages newest first. Its
// arguments are the conversation, the id below which to read, 0 for all
// messages or 1 for those that are no commands, and how many.
func prepareHistory(ctx context.Context, db *database.DB) (*sql.Stmt, error) {
	s, err := db.Read().DB.PrepareContext(ctx, historyQuery(db.Engine()))
	return s, database.Explain(err)
}

func historyQuery(engine database.Engine) string {
	query := `SELECT ` + messageColumns + messagesSource +
		` AND m.id < ? AND m.is_command + ? < 2 ORDER BY m.id DESC LIMIT ?`
	if engine == database.SQLite {
		// SQLite looks into a plain "LIMIT ?" when it plans, and so plans anew for each call.
		query += ` + 0`
	}
	for n := 1; engine == database.Postgres && strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", "$"+strconv.Itoa(n), 1)
	}
	return query
}

// page returns up to n messages with ids below before, newest first. An empty
// answer to the first page may mean that there is no such conversation.
func (m *PersistentConversationManager) page(ctx context.Context, id, before int64, withoutCommands, n int) ([]Message, error) {
	rows, err := m.loads.QueryContext(ctx, id, before, withoutCommands, n)
	if err != nil {
		return nil, database.Explain(err)
	}
	msgs, err := scanMessages(rows, make([]Message, 0, min(n, firstPage)))
	if err != nil {
		return nil, fmt.Errorf("conversation %d: %w", id, err)
	}
	if len(msgs) == 0 && before == math.MaxInt64 {
		_, err = m.Get(ctx, id)
	}
	return msgs, err
}
