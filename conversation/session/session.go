// Package session is memory for an agent: a list of items behind one small
// interface, kept in the process ([NewMemory]), in a SQLite file ([Open]), or as the
// messages of a conversation (PersistentConversationManager.Session).
package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/parley-bot/parley/conversation/message"
)

// Session is the memory of one agent: a list of items that grows at its end.
type Session interface {
	// ID returns what the session was opened with.
	ID() string
	// Items returns the last limit items, oldest first; 0 = all.
	Items(ctx context.Context, limit int) ([]Item, error)
	// Add appends items, all or nothing.
	Add(ctx context.Context, items ...Item) error
	// Pop removes and returns the newest item; false when there is none.
	Pop(ctx context.Context) (Item, bool, error)
	// Clear removes all items.
	Clear(ctx context.Context) error
}

// ItemKind says what an item of a session is.
type ItemKind string

// The kinds.
const (
	ItemMessage    ItemKind = "message"
	ItemToolCall   ItemKind = "tool_call"
	ItemToolOutput ItemKind = "tool_output"
	ItemHandoff    ItemKind = "handoff"
)

// Item is one step of an agent's run.
type Item struct {
	ID                              string // made when empty
	Kind                            ItemKind
	Role                            message.Role // messages
	Content                         string       // messages
	ToolCallID, ToolName, Arguments string       // tool calls and outputs
	Output                          string       // tool outputs
	FromAgent, ToAgent, Reason      string       // handoffs
	CreatedAt                       time.Time
}

// Prepare checks items and fills in ids and times, on a copy.
func Prepare(items []Item, now time.Time) ([]Item, error) {
	list := make([]Item, len(items))
	for i, it := range items {
		switch it.Kind {
		case ItemToolCall, ItemToolOutput, ItemHandoff:
		case ItemMessage:
			if !it.Role.Valid() {
				return nil, message.Invalidf("items[%d]: role %q is not one of user, assistant, system, tool", i, it.Role)
			}
		default:
			return nil, message.Invalidf("items[%d]: kind %q is not one of message, tool_call, tool_output, handoff", i, it.Kind)
		}
		if it.ID == "" {
			it.ID = newItemID()
		}
		if it.CreatedAt.IsZero() {
			it.CreatedAt = now
		}
		if err := message.ValidTime("created_at", it.CreatedAt); err != nil {
			return nil, err
		}
		it.CreatedAt = it.CreatedAt.UTC().Truncate(time.Microsecond)
		it.clean()
		list[i] = it
	}
	return list, nil
}

// clean brings every text into the form that all sessions can keep.
func (it *Item) clean() {
	for _, s := range []*string{
		&it.ID, &it.Content, &it.ToolCallID, &it.ToolName, &it.Arguments, &it.Output,
		&it.FromAgent, &it.ToAgent, &it.Reason,
	} {
		*s = message.CleanText(*s)
	}
}

func newItemID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return "item_" + hex.EncodeToString(b[:])
}

// CheckLimit reports a limit of items that is none.
func CheckLimit(limit int) error {
	if limit < 0 {
		return message.Invalidf("limit %d is below 0", limit)
	}
	return nil
}
