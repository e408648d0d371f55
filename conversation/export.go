package conversation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/internal/database"
)

// Export returns a conversation with all its messages, as they are at one moment.
func (m *PersistentConversationManager) Export(ctx context.Context, id int64) (*Archive, error) {
	a := &Archive{Messages: []Message{}}
	err := m.exportPages(ctx, m.db.Snapshot, id, func(c *Conversation) error {
		a.Conversation = *c
		a.Messages = make([]Message, 0, c.MessageCount)
		return nil
	}, func(page []Message) error {
		a.Messages = append(a.Messages, page...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// ExportTo writes what [PersistentConversationManager.Export] returns as JSON
// without holding more than a page of messages in memory. w may be slow: it
// keeps nobody waiting but further exports, which are failure.Unavailable when
// there are too many.
func (m *PersistentConversationManager) ExportTo(ctx context.Context, id int64, w io.Writer) error {
	if _, err := m.exportBody(ctx, m.db.SlowSnapshot, id, w, false); err != nil {
		return err
	}
	_, err := io.WriteString(w, "}\n")
	return err
}

// ExportUpTo returns a conversation and its export as text, "" when that has
// more than so many bytes. No more than about that much is read.
func (m *PersistentConversationManager) ExportUpTo(ctx context.Context, id int64, limit int) (*Conversation, string, error) {
	c, err := m.Get(ctx, id)
	if err != nil || c.MessageCount > int64(limit)/leastExported {
		return c, "", err
	}
	var size int64
	err = m.db.QueryRow(ctx, m.read(), []any{&size},
		`SELECT COALESCE(SUM(octet_length(m.content)), 0) + COALESCE(SUM(octet_length(m.metadata_json)), 0)`+messagesSource, id)
	if err != nil || size > int64(limit) {
		return c, "", err
	}
	out := limited{left: limit}
	c, err = m.exportBody(ctx, m.db.Snapshot, id, &out, false)
	if err == nil {
		_, err = io.WriteString(&out, "}")
	}
	if errors.Is(err, errLimit) {
		return m.onlyHead(ctx, id)
	}
	return c, out.String(), err
}

// leastExported is what one message takes of an export at least, in bytes.
const leastExported = 100

func (m *PersistentConversationManager) onlyHead(ctx context.Context, id int64) (*Conversation, string, error) {
	c, err := m.Get(ctx, id)
	return c, "", err
}

var errLimit = errors.New("longer than wanted")

// limited is a buffer that takes so many bytes.
type limited struct {
	strings.Builder

	left int
}

// Write implements [io.Writer].
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errLimit
	}
	return l.Builder.Write(p)
}

// WriteString implements [io.StringWriter].
func (l *limited) WriteString(s string) (int, error) { return l.Write([]byte(s)) }

// exportBody writes a conversation's JSON up to, not including, the last brace; whole:
// in the form of backups.
func (m *PersistentConversationManager) exportBody(ctx context.Context, in snapshot, id int64, w io.Writer, whole bool) (*Conversation, error) {
	var written *Conversation
	out := archive.NewWriter(w, whole)
	err := m.exportPages(ctx, in, id, func(c *Conversation) error {
		written = c
		return out.Head(c)
	}, out.Messages)
	if err != nil {
		return nil, err
	}
	return written, out.End()
}

// snapshot is one of the ways in which the database lets several steps be read.
type snapshot func(ctx context.Context, fn func(from database.Reader) error) error

// errRemoved ends an export that is not what was there at one moment.
var errRemoved = errors.New("the conversation was cleared or deleted while it was exported")

// exportPages reads a conversation as it is at one moment. Where the steps are
// no snapshot, that is the moment of the first one: ids only grow, so that what
// came later is known by its id, and what was removed is missing in the count.
func (m *PersistentConversationManager) exportPages(ctx context.Context, in snapshot, id int64, head func(*Conversation) error, page func([]Message) error) error {
	return in(ctx, func(from database.Reader) error {
		c, end, err := m.oneUpTo(ctx, from, `id = ?`, id)
		if err != nil {
			return named(err, id)
		}
		if err := head(c); err != nil {
			return err
		}
		n, err := m.eachPage(ctx, from, id, end, page)
		if err == nil && m.db.Steps() && n != c.MessageCount {
			err = fmt.Errorf("conversation %d: %w", id, errRemoved)
		}
		return err
	})
}

// eachPage reads the messages below an id and returns how many there are.
func (m *PersistentConversationManager) eachPage(ctx context.Context, from database.Reader, id, end int64, page func([]Message) error) (n int64, err error) {
	err = m.pages(ctx, from, id, 0, func(msgs []Message) error {
		old := len(msgs)
		for old > 0 && msgs[old-1].ID >= end {
			old--
		}
		n += int64(old)
		if err := page(msgs[:old]); err != nil {
			return err
		}
		if old < len(msgs) {
			return errSeen
		}
		return nil
	})
	if errors.Is(err, errSeen) {
		err = nil
	}
	return n, err
}
