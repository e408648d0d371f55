package conversation

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/session"
	"github.com/parley-bot/parley/internal/database"
)

type (
	// Session is the memory of one agent: a list of items that grows at its end.
	Session = session.Session
	// Item is one step of an agent's run.
	Item = session.Item
	// ItemKind says what an item is.
	ItemKind = session.ItemKind
	// SQLiteSession is a session in a SQLite file.
	SQLiteSession = session.SQLite
	// MemorySession is a session that lives as long as the process.
	MemorySession = session.Memory
)

// The kinds of items.
const (
	ItemMessage    = session.ItemMessage
	ItemToolCall   = session.ItemToolCall
	ItemToolOutput = session.ItemToolOutput
	ItemHandoff    = session.ItemHandoff
)

// OpenSession is [session.Open].
func OpenSession(ctx context.Context, id, path string) (*SQLiteSession, error) {
	return session.Open(ctx, id, path)
}

// NewMemorySession is [session.NewMemory].
func NewMemorySession(id string) *MemorySession { return session.NewMemory(id) }

// MessagesOf is [session.MessagesOf].
func MessagesOf(items []Item) []Message { return session.MessagesOf(items) }

// storeSession is a [Session] on a conversation.
type storeSession struct {
	m  *PersistentConversationManager
	id int64
}

// Session returns a conversation as a session, or [ErrNotFound]. What the
// session adds are messages of the conversation, one for each item, and the
// messages that are there already are its items: a message's text and each of
// its tool calls is one.
func (m *PersistentConversationManager) Session(ctx context.Context, conversationID int64) (Session, error) {
	if _, err := m.Get(ctx, conversationID); err != nil {
		return nil, err
	}
	return &storeSession{m: m, id: conversationID}, nil
}

// ID returns the conversation's id.
func (s *storeSession) ID() string { return strconv.FormatInt(s.id, 10) }

// Items reads backwards until it has enough.
func (s *storeSession) Items(ctx context.Context, limit int) ([]Item, error) {
	if err := session.CheckLimit(limit); err != nil {
		return nil, err
	}
	size := exportPage
	if limit > 0 {
		size = min(limit, exportPage)
	}
	items := []Item{} // newest first
	for before := int64(math.MaxInt64); ; {
		page, more, err := s.m.page(ctx, s.id, before, size)
		if err != nil {
			return nil, err
		}
		for i := range page {
			list := session.Of(&page[i])
			slices.Reverse(list)
			items = append(items, list...)
		}
		if !more || (limit > 0 && len(items) >= limit) {
			break
		}
		before = page[len(page)-1].ID
	}
	if limit > 0 && len(items) > limit {
		items = items[:limit]
	}
	slices.Reverse(items)
	return items, nil
}

// Add stores each item as a message, all in one commit.
func (s *storeSession) Add(ctx context.Context, items ...Item) error {
	list, err := session.Prepare(items, s.m.db.Now())
	if err != nil || len(list) == 0 {
		return err
	}
	msgs := make([]Message, len(list))
	for i := range list {
		msgs[i] = list[i].Stored()
	}
	return s.m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := s.m.SaveTx(ctx, tx, s.id, msgs...)
		return err
	})
}

// Pop removes the newest item: a message, or the last tool call of one.
func (s *storeSession) Pop(ctx context.Context) (it Item, ok bool, err error) {
	err = s.m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		it, ok = Item{}, false
		if _, err := s.m.holdID(ctx, tx, s.id); err != nil {
			return err
		}
		msg, err := s.newest(ctx, tx)
		if err != nil || msg == nil {
			return err
		}
		list := session.Of(msg)
		it, ok = list[len(list)-1], true
		if len(list) > 1 {
			return s.dropCall(ctx, tx, msg)
		}
		return s.remove(ctx, tx, msg)
	})
	if err != nil {
		return Item{}, false, err
	}
	return it, ok, nil
}

func (s *storeSession) newest(ctx context.Context, tx database.Tx) (*Message, error) {
	msgs, _, err := s.m.messages(ctx, tx, math.MaxInt, `SELECT `+messageColumns+messagesSource+` ORDER BY m.id DESC LIMIT 1`, s.id)
	if err != nil || len(msgs) == 0 {
		return nil, err
	}
	return &msgs[0], nil
}

// dropCall takes the last tool call out of a message.
func (s *storeSession) dropCall(ctx context.Context, tx database.Tx, msg *Message) error {
	last := len(msg.ToolCalls()) - 1
	left := msg.KeepCalls(func(n int) bool { return n < last })
	metadata, err := message.EncodeMetadata(left.Metadata)
	if err != nil {
		return err
	}
	_, err = s.m.db.Exec(ctx, tx, `UPDATE messages SET metadata_json = ? WHERE conversation_id = ? AND id = ?`, nullable(metadata), s.id, msg.ID)
	if err != nil {
		return err
	}
	_, err = s.m.db.Exec(ctx, tx, `UPDATE conversations SET last_activity = ? WHERE id = ?`, s.m.db.TimeArg(s.m.db.Now()), s.id)
	return err
}

func (s *storeSession) remove(ctx context.Context, tx database.Tx, msg *Message) error {
	_, err := s.m.db.Exec(ctx, tx, `DELETE FROM messages WHERE conversation_id = ? AND id = ?`, s.id, msg.ID)
	if err != nil {
		return err
	}
	if err := s.m.dropBlocksTx(ctx, tx, s.id, msg.ID, msg.ID); err != nil {
		return err
	}
	_, err = s.m.db.Exec(ctx, tx, `UPDATE conversations SET message_count = message_count - 1, total_tokens = total_tokens - ?,
		last_activity = ? WHERE id = ?`, msg.Tokens, s.m.db.TimeArg(s.m.db.Now()), s.id)
	return err
}

// Clear removes the conversation's messages.
func (s *storeSession) Clear(ctx context.Context) error {
	return s.m.Clear(ctx, s.id)
}
