package inbox

import (
	"context"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// erasable is what has to be known of an event to erase it.
type erasable struct {
	ID              int64
	Tenant, UserKey string
	Status          State
	Conversation    *int64
	Delivery        *int64
}

func (e *erasable) dest() []any {
	return []any{&e.ID, &e.Tenant, &e.UserKey, &e.Status, &e.Conversation, &e.Delivery}
}

// Theirs is what the ledger holds of a person's events up to one of them.
type Theirs struct {
	Open          bool    // one of them is not at its end yet
	Conversations []int64 // that they belong to
}

// Theirs looks through the events of a tenant's user keys up to the one with
// this id. It reads the ledger in slices: no index knows whose an event is.
func (l *Ledger) Theirs(ctx context.Context, tenant string, userKeys []string, upTo int64) (Theirs, error) {
	var t Theirs
	err := l.eachOf(ctx, tenant, userKeys, upTo, func(events []erasable) error {
		for _, e := range events {
			t.Open = t.Open || !e.Status.final()
			if e.Conversation != nil && !slices.Contains(t.Conversations, *e.Conversation) {
				t.Conversations = append(t.Conversations, *e.Conversation)
			}
		}
		return nil
	})
	return t, err
}

// Busy reports whether a turn is still on that began up to a time, of the database.
func (l *Ledger) Busy(ctx context.Context, upTo time.Time) (bool, error) {
	var n int
	err := l.DB.QueryRow(ctx, l.DB.Read(), []any{&n}, "SELECT COUNT(*) FROM lanes WHERE ready_at IS NOT NULL AND lease_owner <> '' AND updated_at <= ?", database.Micros(upTo))
	return n > 0, err
}

// Erase takes everything that says who and what out of the events of a tenant's
// user keys up to the one with this id, and removes their deliveries. What
// stays until it is trimmed is what a repeated delivery is known by.
func (l *Ledger) Erase(ctx context.Context, tenant string, userKeys []string, upTo int64) error {
	if err := l.forgetThreads(ctx, tenant, userKeys); err != nil {
		return err
	}
	return l.eachOf(ctx, tenant, userKeys, upTo, func(events []erasable) error {
		return l.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			return l.eraseTx(ctx, tx, events)
		})
	})
}

func (l *Ledger) eraseTx(ctx context.Context, tx database.Tx, events []erasable) error {
	var ids, shown []int64
	for _, e := range events {
		ids = append(ids, e.ID)
		if e.Delivery != nil {
			shown = append(shown, *e.Delivery)
		}
	}
	now, err := l.DB.Clock(ctx, tx)
	if err != nil {
		return err
	}
	// An event without its text cannot be answered again: only what was sent keeps its state.
	_, err = l.DB.Exec(ctx, tx, `UPDATE events SET status = CASE WHEN status = ? THEN status ELSE ? END, user_key = '', body = ?, error = '',
		conversation_id = NULL, delivery_id = NULL, steps = ? WHERE id IN (?)`,
		string(Sent), string(Discarded), erasedMark+"}", step(now, Discarded, "erased at the sender's request"), ids)
	if err != nil {
		return err
	}
	return l.dropTx(ctx, tx, append(shown, ids...)) // a reply that was only begun has the id of its event
}

// eachOf calls fn with the events of a tenant's user keys up to an id, slice by slice.
func (l *Ledger) eachOf(ctx context.Context, tenant string, userKeys []string, upTo int64, fn func([]erasable) error) error {
	for after := int64(0); ; {
		events, err := database.All(ctx, l.DB, l.DB.Read(), (*erasable).dest, `SELECT id, tenant, user_key, status, conversation_id, delivery_id FROM events
			WHERE id > ? AND id <= ? AND user_key IN (?) AND tenant = ? ORDER BY id LIMIT ?`,
			after, upTo, userKeys, tenant, trimSlice)
		if err != nil || len(events) == 0 {
			return err
		}
		after = events[len(events)-1].ID
		// MySQL's = ignores trailing spaces.
		events = slices.DeleteFunc(events, func(e erasable) bool {
			return e.Tenant != tenant || !slices.Contains(userKeys, e.UserKey)
		})
		if len(events) == 0 {
			continue
		}
		if err := fn(events); err != nil {
			return err
		}
	}
}
