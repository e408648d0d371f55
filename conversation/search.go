package conversation

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/recall"
)

// SearchOptions say what is looked for in a conversation.
type SearchOptions struct {
	Query        string // what is asked; an empty one is [ErrInvalid]
	Author       string // only what this user key wrote, or who is called so; "" = everybody
	Since, Until time.Time
	Limit        int // default 50, at most 500
}

// Found is a message that answers a search. Its author is there where it is
// the conversation's.
type Found struct {
	Message
	Score float64
}

// foundPage is how many messages are read at once to see whether they are meant.
const foundPage = 128

// Search returns the messages of a conversation that answer a question best,
// the best first, in the same order on every database. Commands and their
// answers are not among them.
func (m *PersistentConversationManager) Search(ctx context.Context, id int64, o SearchOptions) ([]Found, error) {
	limit, err := pageSize(o.Limit)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(o.Query) == "" {
		return nil, message.Invalidf("the search is empty")
	}
	q := recall.Ask(o.Query)
	c, err := m.lookThrough(ctx, id, q)
	if err != nil {
		return nil, err
	}
	wanted := limit
	if o.Author != "" || !o.Since.IsZero() || !o.Until.IsZero() {
		wanted = math.MaxInt // more are read until there are enough
	}
	var found []Found
	for hits := range slices.Chunk(q.Best(wanted, o.Since, o.Until), foundPage) {
		more, err := m.found(ctx, c, hits, o)
		if err != nil {
			return nil, err
		}
		if found = append(found, more...); len(found) >= limit {
			return found[:limit], nil
		}
	}
	return found, nil
}

// lookThrough adds a conversation's messages to a question: blocks where they
// are there, else what they would be made of.
func (m *PersistentConversationManager) lookThrough(ctx context.Context, id int64, q *recall.Question) (*Conversation, error) {
	c, next, err := m.oneUpTo(ctx, m.read(), `id = ?`, id)
	if err != nil {
		return nil, named(err, id)
	}
	blocks := map[int64]recall.Block{}
	err = m.db.Query(ctx, m.read(), func(rows *sql.Rows) error {
		var block int64
		var packed []byte
		err := rows.Scan(&block, &packed)
		blocks[block] = packed
		return err
	}, `SELECT block, packed FROM message_blocks WHERE conversation_id = ?`, id)
	if err != nil {
		return nil, err
	}
	first, err := m.firstID(ctx, id)
	if err != nil {
		return nil, err
	}
	missing := false
	for block := first / recall.BlockSize; block <= (next-1)/recall.BlockSize; block++ {
		if packed, ok := blocks[block]; ok && q.Add(block*recall.BlockSize, first, packed) == nil {
			continue
		}
		missing = missing || block < next/recall.BlockSize
		packed, _, err := m.packed(ctx, c, block, first)
		if err != nil {
			return nil, err
		}
		if err := q.Add(block*recall.BlockSize, first, packed); err != nil {
			return nil, err
		}
	}
	if missing {
		m.noteFilled(id)
	}
	return c, nil
}

// found reads the messages that were hit, as far as they are still there and
// what is meant, in the order of the hits.
func (m *PersistentConversationManager) found(ctx context.Context, c *Conversation, hits []recall.Hit, o SearchOptions) ([]Found, error) {
	ids := make([]int64, len(hits))
	for i := range hits {
		ids[i] = hits[i].ID
	}
	msgs, _, err := m.messages(ctx, m.read(), math.MaxInt, `SELECT `+boundedColumns+messagesSource+searched+` AND m.id IN (?)`,
		maxRead, maxShownMetadata, c.ID, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]*Message, len(msgs))
	for i := range msgs {
		byID[msgs[i].ID] = &msgs[i]
	}
	var found []Found
	for _, hit := range hits {
		if msg := byID[hit.ID]; msg != nil && o.meant(c, msg) {
			msg.Author = authorIn(c, msg)
			found = append(found, Found{*msg, hit.Score})
		}
	}
	return found, nil
}

// meant reports whether a message is by whom and of when it was asked for.
func (o *SearchOptions) meant(c *Conversation, msg *Message) bool {
	switch {
	case !o.Since.IsZero() && msg.Timestamp.Before(o.Since), !o.Until.IsZero() && !msg.Timestamp.Before(o.Until):
		return false
	}
	return o.Author == "" || o.Author == authorIn(c, msg) || strings.EqualFold(o.Author, nameIn(c, msg))
}
