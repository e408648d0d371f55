package inbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

const (
	// blankScan is how many ids of the ledger are looked through at once, and
	// blankSlice how many events one commit blanks.
	blankScan  = 20_000
	blankSlice = 100
)

// Cleared is a conversation whose messages are gone, so that the ledger is to
// hold no text of it either.
type Cleared struct {
	Conversation int64
	Lane         []byte
	UpTo         int64 // the last event that belongs to it
}

// LastTx returns the event up to which those of a lane belong to what was said
// so far: all but those that wait for their turn.
func (l *Ledger) LastTx(ctx context.Context, tx database.Tx, lane []byte) (id int64, err error) {
	waiting, err := l.oldestOpen(ctx, tx, lane)
	if err != nil {
		return 0, err
	}
	for i := range waiting {
		if waiting[i].Status == Received {
			return waiting[i].ID - 1, nil
		}
	}
	err = l.DB.QueryRow(ctx, tx, []any{&id}, "SELECT COALESCE(MAX(id), 0) FROM events WHERE id >= ?", 0)
	return id, err
}

// Blank takes every text out of the events of cleared conversations, and
// removes their deliveries: what was said, names, what an adapter added, why
// something failed. Who, where, when and what came of it stays. It returns those
// conversations that have events which are not at their end, or have been for
// less than a moment, so that somebody may still fetch the reply: settled is the
// time up to which they are blanked. No index knows what belongs to a
// conversation: it looks through the ledger once for all of them.
func (l *Ledger) Blank(ctx context.Context, all []Cleared, settled int64) (unfinished map[int64]bool, err error) {
	s := blanking{Ledger: l, settled: settled, unfinished: map[int64]bool{}, byID: map[int64]Cleared{}, byLane: map[string][]Cleared{}}
	var first, last int64
	for _, c := range all {
		s.byID[c.Conversation] = c
		s.byLane[string(c.Lane)] = append(s.byLane[string(c.Lane)], c)
		s.ids, s.lanes = append(s.ids, c.Conversation), append(s.lanes, c.Lane)
		last = max(last, c.UpTo)
	}
	if err := l.DB.QueryRow(ctx, l.DB.Read(), []any{&first}, "SELECT COALESCE(MIN(id), 0) FROM events WHERE id >= ?", 0); err != nil {
		return nil, err
	}
	for after := first - 1; after < last; after += blankScan {
		if err := s.scan(ctx, after, min(after+blankScan, last)); err != nil {
			return nil, err
		}
	}
	return s.unfinished, nil
}

// blanking is a look through the ledger.
type blanking struct {
	*Ledger

	ids        []int64
	lanes      [][]byte
	byID       map[int64]Cleared
	byLane     map[string][]Cleared
	settled    int64
	unfinished map[int64]bool
}

// scan looks at the events after one id up to another.
func (s *blanking) scan(ctx context.Context, after, upTo int64) error {
	var found []int64
	err := s.DB.Query(ctx, s.DB.Read(), func(rows *sql.Rows) error {
		var r row
		if err := rows.Scan(&r.ID, &r.LaneKey, &r.ConversationID, &r.Status, &r.UpdatedAt); err != nil {
			return err
		}
		c, ok := s.clearedWith(&r)
		switch {
		case !ok:
		case !r.Status.final() || r.UpdatedAt > s.settled:
			s.unfinished[c.Conversation] = true
		default:
			found = append(found, r.ID)
		}
		return nil
	}, "SELECT id, lane_key, conversation_id, status, updated_at FROM events WHERE id > ? AND id <= ? AND (conversation_id IN (?) OR lane_key IN (?)) "+
		"AND body NOT LIKE '"+erasedMark+"%' ORDER BY id", after, upTo, s.ids, s.lanes)
	if err != nil {
		return err
	}
	for len(found) > 0 {
		slice := found[:min(len(found), blankSlice)]
		found = found[len(slice):]
		if err := s.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error { return s.blankTx(ctx, tx, slice) }); err != nil {
			return err
		}
	}
	return nil
}

// clearedWith returns the conversation with which an event's text goes: the one
// that it was answered in, or the one that it would have been.
func (s *blanking) clearedWith(r *row) (Cleared, bool) {
	if r.ConversationID != nil {
		if c, ok := s.byID[*r.ConversationID]; ok && r.ID <= c.UpTo {
			return c, true
		}
	}
	for _, c := range s.byLane[string(r.LaneKey)] {
		if r.ID <= c.UpTo {
			return c, true
		}
	}
	return Cleared{}, false
}

func (l *Ledger) blankTx(ctx context.Context, tx database.Tx, ids []int64) error {
	events, err := l.rows(ctx, tx, "id IN (?) ORDER BY id", ids)
	if err != nil {
		return err
	}
	var gone []int64
	for i := range events {
		done, err := l.blankOne(ctx, tx, &events[i])
		if err != nil {
			return err
		}
		if done {
			gone = append(gone, events[i].ID)
		}
		if done && events[i].DeliveryID != nil {
			gone = append(gone, *events[i].DeliveryID)
		}
	}
	return l.dropTx(ctx, tx, gone)
}

// blankOne blanks an event and reports whether it is still as it was.
func (l *Ledger) blankOne(ctx context.Context, tx database.Tx, r *row) (bool, error) {
	var was body
	if err := json.Unmarshal([]byte(r.Body), &was); err != nil {
		return false, fmt.Errorf("event %d: %w", r.ID, err)
	}
	left, err := body{Erased: true, Event: platforms.Event{
		App: was.App, Kind: was.Kind, ChatType: was.ChatType, ChatID: was.ChatID, ThreadID: was.ThreadID,
		SenderID: was.SenderID, Mentioned: was.Mentioned, SentAt: was.SentAt, Locale: was.Locale,
	}}.encode()
	if err != nil {
		return false, fmt.Errorf("event %d: %w", r.ID, err)
	}
	now, err := l.DB.Clock(ctx, tx)
	if err != nil {
		return false, err
	}
	n, err := l.DB.Exec(ctx, tx, "UPDATE events SET body = ?, error = ?, delivery_id = NULL, steps = ? WHERE id = ? AND status = ?",
		left, errorCode(r.Error), step(now, r.Status, "erased with its conversation"), r.ID, string(r.Status))
	return n > 0, err
}

// errorCode returns the code that an error begins with, "" where there is none.
func errorCode(text string) string {
	code, _, ok := strings.Cut(text, ":")
	if !ok || code == "" || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return code
}
