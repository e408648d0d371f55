package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/parley-bot/parley/conversation/tokens"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

type row struct {
	ID    int64
	State string
	At    int64
	Event int64
	// Person is whose row it is, or which conversation's.
	Person []byte
	Data   string

	left todo
}

func (r *row) dest() []any {
	return []any{&r.ID, &r.State, &r.At, &r.Event, &r.Person, &r.Data}
}

// runRows bounds how many rows one run takes up.
const runRows = 1000

// Run does what can be done now.
func (e *Eraser) Run(ctx context.Context) error {
	_, err := e.run(ctx, e.o.Grace)
	return err
}

// run reports whether there was something to do, of which some may be left.
func (e *Eraser) run(ctx context.Context, grace time.Duration) (some bool, err error) {
	now, err := e.o.DB.Clock(ctx, e.o.DB.Read())
	if err != nil {
		return false, err
	}
	rows, err := e.rows(ctx, `state IN (?, ?, ?) OR (state = ? AND at <= ?) OR (state = ? AND at < ?)`,
		erase, ledger, files, counts, now, asked, now-askedFor.Microseconds())
	if err != nil {
		return false, err
	}
	var failed []error
	var gone, done []row
	for i := range rows {
		r := &rows[i]
		switch r.State {
		case ledger:
			gone = append(gone, *r)
		case files:
			done = append(done, *r)
		default:
			if err := e.do(ctx, r, now, grace); err != nil {
				failed = append(failed, fmt.Errorf("erasure %d: %w", r.ID, err))
			}
		}
	}
	return len(rows) > 0, errors.Join(append(failed, e.clean(ctx, gone, done, now-grace.Microseconds()))...)
}

// rows returns those rows of the table of which a condition holds.
func (e *Eraser) rows(ctx context.Context, where string, args ...any) (rows []row, err error) {
	rows, err = database.All(ctx, e.o.DB, e.o.DB.Read(), (*row).dest, "SELECT id, state, at, event_id, person, data FROM erasures WHERE "+where+
		" ORDER BY id LIMIT "+strconv.Itoa(runRows), args...)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if err := json.Unmarshal([]byte(rows[i].Data), &rows[i].left); err != nil {
			return nil, fmt.Errorf("erasure %d: %w", rows[i].ID, err)
		}
	}
	return rows, nil
}

func (e *Eraser) do(ctx context.Context, r *row, now int64, grace time.Duration) error {
	switch r.State {
	case erase:
		return e.erase(ctx, r, now, grace)
	case counts:
		if err := e.o.Store.Tokens().Erase(ctx, r.left.Tokens, database.Time(r.At)); err != nil {
			return err
		}
		if err := e.o.Usage.EraseCounts(ctx, r.left.Counts, database.Time(r.At)); err != nil {
			return err
		}
	}
	return e.drop(ctx, r.ID)
}

// erase takes the steps that are left. The event's own rows are the last, since
// they say whose the rest is.
func (e *Eraser) erase(ctx context.Context, r *row, now int64, grace time.Duration) error {
	event, err := e.o.Ledger.Get(ctx, r.Event)
	if failure.KindOf(err) == failure.NotFound {
		event, err = inbox.Event{}, nil // trimmed, and everything older with it
	}
	if err != nil {
		return err
	}
	if err := e.removeHidden(ctx, r); err != nil {
		return err
	}
	p := memory.Person{Tenant: event.Event.Tenant, Platform: event.Event.Platform, SenderID: event.Event.SenderID}
	if p.SenderID == "" { // another replica was here, or there is nothing any more
		return e.emptied(ctx, []int64{r.ID})
	}
	if database.Micros(event.UpdatedAt)+grace.Microseconds() > now {
		return nil // not yet
	}
	all := selves(p, r.left.Tenants)
	if open, err := e.eraseAllSaid(ctx, r, all, event.ReceivedAt); open || err != nil {
		return err
	}
	if busy, err := e.eraseLate(ctx, r, all); busy || err != nil {
		return err
	}
	if err := e.keepCounts(ctx, r, p, database.Time(now)); err != nil {
		return err
	}
	keys, _ := keysOf(p)
	for _, p := range slices.Backward(all) {
		if err := e.o.Ledger.Erase(ctx, p.Tenant, keys, r.Event); err != nil {
			return err
		}
	}
	return e.emptied(ctx, []int64{r.ID})
}

// eraseAllSaid removes what the person has said under all their names, once, and
// notes when it was gone.
func (e *Eraser) eraseAllSaid(ctx context.Context, r *row, all []memory.Person, before time.Time) (open bool, err error) {
	if r.left.Said != 0 {
		return false, nil
	}
	for _, p := range all {
		if open, err := e.eraseSaid(ctx, r, p, before); open || err != nil {
			return open, err
		}
	}
	return false, e.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if r.left.Said, err = e.o.DB.Clock(ctx, tx); err != nil {
			return err
		}
		return e.saveTx(ctx, tx, r)
	})
}

// eraseLate removes what others' turns have stored that had read it before it was
// gone, once none of them is on any more.
func (e *Eraser) eraseLate(ctx context.Context, r *row, all []memory.Person) (busy bool, err error) {
	said := database.Time(r.left.Said)
	if busy, err := e.o.Ledger.Busy(ctx, said); busy || err != nil {
		return true, err
	}
	for _, p := range all {
		if err := e.o.Store.EraseContexts(ctx, p.Tenant, p.Platform, said); err != nil {
			return true, err
		}
	}
	return false, nil
}

// eraseSaid removes what the person has said, unless something of it is still
// to be answered.
func (e *Eraser) eraseSaid(ctx context.Context, r *row, p memory.Person, before time.Time) (open bool, err error) {
	keys, room := keysOf(p)
	theirs, err := e.o.Ledger.Theirs(ctx, p.Tenant, keys, r.Event)
	if err != nil || theirs.Open {
		return true, err
	}
	// What waited in other chats was answered in the meantime.
	if err := e.removeLate(ctx, r, p, keys, theirs.Conversations); err != nil {
		return false, err
	}
	return false, e.o.Store.EraseAuthored(ctx, p.Tenant, room, keys, before)
}

// removeHidden removes the rows of the conversations that are out of sight.
func (e *Eraser) removeHidden(ctx context.Context, r *row) error {
	if len(r.left.Conversations) == 0 {
		return nil
	}
	if err := e.o.Store.RemoveHidden(ctx, r.left.Conversations); err != nil {
		return err
	}
	r.left.Conversations = nil
	return e.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error { return e.saveTx(ctx, tx, r) })
}

func (e *Eraser) removeLate(ctx context.Context, r *row, p memory.Person, keys []string, conversations []int64) error {
	if len(conversations) == 0 {
		return nil
	}
	err := e.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		hidden, err := e.o.Store.HideTx(ctx, tx, p.Tenant, keys, conversations...)
		if err != nil || len(hidden) == 0 {
			return err
		}
		r.left.Conversations = hidden
		return e.saveTx(ctx, tx, r)
	})
	if err != nil {
		return err
	}
	return e.removeHidden(ctx, r)
}

// keepCounts removes what was counted before the budget's period and notes,
// once, that the rest goes when that ends.
func (e *Eraser) keepCounts(ctx context.Context, r *row, p memory.Person, now time.Time) error {
	keys, _ := keysOf(p)
	hashes := make([][]byte, len(keys))
	for i, key := range keys {
		hashes[i] = tokens.Hash(key)
	}
	if err := e.o.Forget(ctx, p); err != nil {
		return err
	}
	start, end := e.o.Period(now)
	if err := e.o.Store.Tokens().Erase(ctx, hashes, start); err != nil {
		return err
	}
	counted := usage.PersonKeys(p)
	if err := e.o.Usage.EraseCounts(ctx, counted, start); err != nil {
		return err
	}
	noted := database.Hash("erased", fmt.Sprint(r.Event)) // who it was is not to be found under it
	return e.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		var n int
		err := e.o.DB.QueryRow(ctx, tx, []any{&n}, "SELECT COUNT(*) FROM erasures WHERE person = ? AND state = ?", noted, counts)
		if err != nil || n > 0 {
			return err
		}
		return e.insertTx(ctx, tx, noted, counts, end.UnixMicro(), 0, todo{Tokens: hashes, Counts: counted})
	})
}

func (e *Eraser) saveTx(ctx context.Context, tx database.Tx, r *row) error {
	data, err := json.Marshal(r.left)
	if err != nil {
		return fmt.Errorf("encode an erasure: %w", err)
	}
	_, err = e.o.DB.Exec(ctx, tx, "UPDATE erasures SET data = ? WHERE id = ?", string(data), r.ID)
	return err
}

func (e *Eraser) drop(ctx context.Context, ids ...int64) error {
	return e.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := e.o.DB.Exec(ctx, tx, "DELETE FROM erasures WHERE id IN (?)", ids)
		return err
	})
}
