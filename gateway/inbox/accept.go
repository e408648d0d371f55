package inbox

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/names"
	"github.com/parley-bot/parley/platforms"
)

// Accepted says that an event is durably stored.
type Accepted struct {
	ID        int64 // ours
	Platform  string
	EventID   string // the platform's
	UserKey   string
	Duplicate bool // it was there already; nothing was added
	// Differs says that what was there under the event's id is another
	// message: of another sender, in another chat or thread, or another text.
	Differs bool
	// CallsOff is the event that this one ends for the reason that Signal says;
	// 0 = none.
	CallsOff int64
	Signal   Signal
}

// Accept stores events durably, in one commit, and returns once they are.
// An event that is there already (by its id or its message) has no second
// effect. Errors are of kind failure.Invalid or Unavailable.
func (b *Inbox) Accept(ctx context.Context, events []platforms.Event) ([]Accepted, error) {
	entries := make([]entry, len(events))
	for i := range events {
		if err := b.prepareEntry(ctx, &entries[i], &events[i]); err != nil {
			return nil, err
		}
	}
	if err := b.store(ctx, entries); err != nil {
		return nil, failure.New(failure.Unavailable, "not_stored", "the event could not be stored; send it again", err)
	}
	result := make([]Accepted, len(entries))
	for i := range entries {
		result[i] = entries[i].result
	}
	return result, nil
}

// store stores what one webhook brought. One event that calls off no other needs
// no transaction where it is one statement.
func (b *Inbox) store(ctx context.Context, entries []entry) error {
	if len(entries) == 1 && b.sql.accept != "" && !b.former && !b.callsOff(entries[0].event) && entries[0].joins == nil {
		n := &entries[0]
		n.expect()
		if err := b.insertAlone(ctx, n); err != nil || n.result.ID != 0 {
			return err
		}
		return b.findTwin(ctx, b.DB.Read(), n)
	}
	return b.DB.WriteUrgent(ctx, entries[0].laneKey, func(ctx context.Context, tx database.Tx) error { return b.acceptTx(ctx, tx, entries) })
}

// entry is an event ready to be stored, and what came of it.
type entry struct {
	event      *platforms.Event
	userKey    string
	eventKey   []byte
	messageKey []byte // nil: none
	laneKey    []byte
	body       string
	state      State
	reason     string
	joins      []byte // the thread in which somebody else writes now

	result Accepted
}

func (b *Inbox) prepareEntry(ctx context.Context, n *entry, e *platforms.Event) error {
	e.SenderName = names.Clean(e.SenderName)
	e.Text = strings.ReplaceAll(e.Text, "\x00", "") // which PostgreSQL cannot keep
	if err := e.Validate(); err != nil {
		return err
	}
	var joins []byte
	if b.unaddressed(e) {
		var err error
		if e.Mentioned, joins, err = b.follows(ctx, e); err != nil {
			return failure.New(failure.Unavailable, "not_stored", "the event could not be stored; send it again", err)
		}
	}
	key := b.o.Scope.Key(e)
	text, err := body{Event: *e}.encode()
	if err != nil {
		return err
	}
	*n = entry{
		event: e, userKey: e.UserKey(), eventKey: EventKey(e), laneKey: key.Identity(),
		body: text, state: Received, reason: b.ignore(e), joins: joins,
	}
	if n.reason == "" && b.o.Refuse != nil {
		if n.reason, err = b.o.Refuse(ctx, e); err != nil {
			return failure.New(failure.Unavailable, "not_stored", "the event could not be stored; send it again", err)
		}
	}
	if e.Press != nil && !e.Press.Verb.Waits() {
		n.laneKey = database.Hash("press", string(n.eventKey))
	}
	if n.reason != "" {
		// An ignored event does not take the message's key: Slack tells of
		// one mention twice, and only one of the two shows that it is one.
		n.state = Ignored
	} else if e.MessageKey != "" {
		n.messageKey = messageKey(e, e.MessageKey)
	}
	return nil
}

// idInKey is how many bytes of a message's own id its key begins with. What is left
// for the hash, 16 bytes, is enough.
const idInKey = 16

// messageKey returns what identifies a message whatever event tells of it. It begins
// with the message's own id: where that is a time, new messages stand together in the
// index, and a commit writes few of its pages instead of one for each message.
//
// The tenant is no part of it: in a channel that organizations share it may be told
// in one way today and in another tomorrow.
func messageKey(e *platforms.Event, key string) []byte {
	id := key[strings.LastIndexByte(key, ':')+1:]
	hash := database.Hash("message", e.Platform, e.App, key)
	return append([]byte(id[:min(len(id), idInKey)]), hash...)[:len(hash)]
}

// formerKeys returns what earlier versions took for a message's key.
func formerKeys(e *platforms.Event, key string) [][]byte {
	return [][]byte{
		database.Hash("message", e.Platform, e.App, key),
		database.Hash("message", e.Platform, cmp.Or(e.FormerTenant, e.Tenant), e.App, key),
	}
}

func (b *Inbox) ignore(e *platforms.Event) string {
	switch {
	case e.Ignore != "":
		return e.Ignore
	case b.unaddressed(e):
		return "no mention in a group"
	}
	return ""
}

// unaddressed reports what is said in a group without a mention of the bot.
func (b *Inbox) unaddressed(e *platforms.Event) bool {
	return b.o.MentionsOnly && e.ChatType == platforms.Group && e.Kind == platforms.KindMessage && !e.Mentioned
}

// EventKey identifies a delivered event whatever else changes between deliveries.
func EventKey(e *platforms.Event) []byte {
	return database.Hash("event", e.Platform, e.Tenant, e.App, e.ID)
}

// acceptTx stores what one webhook brought. It may run twice.
func (b *Inbox) acceptTx(ctx context.Context, tx database.Tx, entries []entry) error {
	all := make([]*entry, len(entries))
	for i := range entries {
		all[i] = &entries[i]
		all[i].expect()
	}
	all, err := b.unknown(ctx, tx, all)
	if err != nil {
		return err
	}
	// The lanes come first: their rows are held until the commit, so that ids,
	// and with them the order of answers, follow the order of commits.
	for _, key := range lanesOf(all) {
		if err := b.wakeLane(ctx, tx, key, b.o.Queue); err != nil {
			return err
		}
	}
	for _, n := range all {
		if err := b.insert(ctx, tx, n); err != nil {
			return err
		}
		if n.joins != nil {
			if err := b.joinTx(ctx, tx, n.joins); err != nil {
				return err
			}
		}
		if n.result.ID == 0 {
			if err := b.findTwin(ctx, tx, n); err != nil {
				return err
			}
		} else if err := b.callOff(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// expect sets the result as it is unless the event is there already.
func (n *entry) expect() {
	n.result = Accepted{Platform: n.event.Platform, EventID: n.event.ID, UserKey: n.userKey}
}

// unknown leaves out the messages that an earlier version has stored, under
// keys of its form, and answers for them.
func (b *Inbox) unknown(ctx context.Context, tx database.Tx, all []*entry) ([]*entry, error) {
	if !b.former {
		return all, nil
	}
	var fresh []*entry
	for _, n := range all {
		if n.messageKey != nil {
			err := b.findMessage(ctx, tx, n, formerKeys(n.event, n.event.MessageKey)...)
			if err == nil {
				n.result.Duplicate = true
				continue
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return nil, err
			}
		}
		fresh = append(fresh, n)
	}
	return fresh, nil
}

// findMessage fills in the result of an event whose message is there under one of
// some keys.
func (b *Inbox) findMessage(ctx context.Context, tx database.Reader, n *entry, keys ...[]byte) error {
	err := b.DB.QueryRow(ctx, tx, []any{&n.result.ID, &n.result.EventID, &n.result.UserKey},
		"SELECT id, event_id, user_key FROM events WHERE message_key IN (?)", keys)
	if n.result.UserKey == "" { // erased at the sender's request; the answer is the same
		n.result.UserKey = n.userKey
	}
	return err
}

// lanesOf returns the lanes that get work, each once and in the one order in
// which they are locked everywhere.
func lanesOf(entries []*entry) [][]byte {
	lanes := make([][]byte, 0, len(entries))
	for _, n := range entries {
		if n.state == Received {
			lanes = append(lanes, n.laneKey)
		}
	}
	slices.SortFunc(lanes, bytes.Compare)
	return slices.CompactFunc(lanes, bytes.Equal)
}

// findTwin answers for an event that is there already. The lane may have been
// woken for nothing; a claim finds that out.
func (b *Inbox) findTwin(ctx context.Context, tx database.Reader, n *entry) error {
	n.result.Duplicate = true
	stored := ""
	err := b.DB.QueryRow(ctx, tx, []any{&n.result.ID, &n.result.EventID, &n.result.UserKey, &stored},
		"SELECT id, event_id, user_key, body FROM events WHERE event_id = ? AND event_key = ?", n.event.ID, n.eventKey)
	if errors.Is(err, sql.ErrNoRows) {
		return b.findMessage(ctx, tx, n, n.messageKey)
	}
	if err != nil {
		return err
	}
	n.result.Differs, err = n.differs(stored)
	if n.result.UserKey == "" { // erased at the sender's request; the answer is the same
		n.result.UserKey = n.userKey
	}
	return err
}

// differs reports whether the event says something else than what is stored
// under its id. What was erased since can no longer be compared and counts as
// the same: the text, and with everything kept about a person the rest, too.
func (n *entry) differs(stored string) (bool, error) {
	var was body
	if err := json.Unmarshal([]byte(stored), &was); err != nil {
		return false, fmt.Errorf("event %d: %w", n.result.ID, err)
	}
	if was.SenderID == "" {
		return false, nil
	}
	is := n.event
	return was.ChatType != is.ChatType || was.ChatID != is.ChatID || was.ThreadID != is.ThreadID ||
		was.SenderID != is.SenderID || !was.Erased && was.Text != is.Text, nil
}
