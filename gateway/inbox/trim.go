package inbox

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// MinKeep is how long the ledger is kept at least: a platform repeats an event
// for up to 7.1 hours, and what was forgotten would be answered again.
const MinKeep = 24 * time.Hour

const trimSlice = 500

// Trim deletes finished events and their deliveries that are older than keep
// (at least MinKeep), in slices that never hold up writers, and returns how
// many events went.
func (l *Ledger) Trim(ctx context.Context, keep time.Duration) (int64, error) {
	keep = max(keep, MinKeep)
	var total, after int64
	for {
		n, last, err := l.trimSlice(ctx, keep, after)
		total += n
		if err != nil || last == 0 {
			return total, err
		}
		after = last
	}
}

// trimSlice looks at the next slice of the ledger after an id, and returns how
// many events it deleted and the last id it looked at, 0 at the end.
func (l *Ledger) trimSlice(ctx context.Context, keep time.Duration, after int64) (n, last int64, err error) {
	type age struct {
		ID                int64
		Status            State
		Received, Updated int64
	}
	now, err := l.DB.Clock(ctx, l.DB.Read())
	if err != nil {
		return 0, 0, err
	}
	before := now - keep.Microseconds()
	// Ids follow the time of arrival, so the scan stops at the first young one.
	seen, err := database.All(ctx, l.DB, l.DB.Read(), func(e *age) []any { return []any{&e.ID, &e.Status, &e.Received, &e.Updated} },
		"SELECT id, status, received_at, updated_at FROM events WHERE id > ? ORDER BY id LIMIT ?", after, trimSlice)
	if err != nil {
		return 0, 0, err
	}
	var ids []int64
	for _, e := range seen {
		if e.Received >= before {
			last = 0
			break
		}
		last = e.ID
		if e.Status.final() && e.Updated < before {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return 0, last, nil
	}
	err = l.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := l.dropTx(ctx, tx, ids); err != nil {
			return err
		}
		_, err := l.DB.Exec(ctx, tx, "DELETE FROM events WHERE id IN (?)", ids)
		return err
	})
	return int64(len(ids)), last, err
}

// TrimLanes deletes lanes that have had nothing to do for keep, in slices.
func (l *Ledger) TrimLanes(ctx context.Context, keep time.Duration) error {
	now, err := l.DB.Clock(ctx, l.DB.Read())
	if err != nil {
		return err
	}
	const idle = "ready_at IS NULL AND updated_at < ?"
	for {
		keys, err := database.Values[[]byte](ctx, l.DB, l.DB.Read(), "SELECT lane_key FROM lanes WHERE "+idle+" LIMIT ?", now-keep.Microseconds(), trimSlice)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = l.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := l.DB.Exec(ctx, tx, "DELETE FROM lanes WHERE "+idle+" AND lane_key IN (?)", now-keep.Microseconds(), keys)
			return err
		})
		if err != nil {
			return err
		}
	}
}
