package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// MaxBatch is how many events of a lane one claim looks at.
const MaxBatch = 8

// ErrLeaseLost is returned when somebody else may hold the lane by now:
// whatever was done under the lease must not be committed.
var ErrLeaseLost = errors.New("the lease on this conversation is lost")

// Lease is the right to work on one lane. The number tells this claim from
// later ones of the same process.
type Lease struct {
	lane  []byte
	owner string
	no    int64
	until atomic.Int64 // nanoseconds on the inbox's monotonic clock
	clock func() time.Duration
}

// Left returns for how long the lease is held for sure. It is measured on a
// clock that also runs while the process is frozen.
func (l *Lease) Left() time.Duration { return time.Duration(l.until.Load()) - l.clock() }

// Work is a claimed lane and the events that its next turn answers, oldest first.
type Work struct {
	Lease  *Lease
	Events []Event

	suspect bool  // its process died, see suspects.go
	crashes int64 // how often since, while this was answered as a suspect
}

// IDs returns the ids of the work's events.
func (w *Work) IDs() []int64 {
	ids := make([]int64, len(w.Events))
	for i := range w.Events {
		ids[i] = w.Events[i].ID
	}
	return ids
}

// Ready reports whether a lane can be claimed. It does not disturb writers.
func (b *Inbox) Ready(ctx context.Context) (bool, error) {
	now, err := b.DB.Clock(ctx, b.DB.Read())
	if err != nil {
		return false, err
	}
	var n int
	err = b.DB.QueryRow(ctx, b.DB.Read(), []any{&n}, "SELECT count(*) FROM (SELECT 1 FROM lanes WHERE queue = ? AND ready_at <= ? LIMIT 1) AS one",
		b.Queue, now)
	return n > 0, err
}

// Claim takes up to n ready lanes, those that wait longest first.
func (b *Inbox) Claim(ctx context.Context, n int) ([]Work, error) {
	var works []Work
	begun := b.elapsed()
	err := b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		works = nil
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		lanes, err := b.takeLanes(ctx, tx, n, now)
		if err != nil {
			return err
		}
		if len(lanes) == 0 {
			return nil
		}
		var ids []int64
		for _, lane := range lanes {
			w, err := b.openLane(ctx, tx, lane)
			if err != nil {
				return err
			}
			if len(w.Events) == 0 {
				continue
			}
			w.Lease.until.Store(int64(begun + b.Lease))
			works = append(works, w)
			ids = append(ids, w.IDs()...)
		}
		return b.mark(ctx, tx, ids, now, Running, "")
	})
	return works, database.Explain(err)
}

type laneRow struct {
	Key     []byte
	No      int64
	Owner   string
	Crashes int64
}

const laneColumns = "lane_key, lease_no, lease_owner, crashes"

func (b *Inbox) lanes(ctx context.Context, in bun.IDB, query string, args ...any) (lanes []laneRow, err error) {
	err = b.DB.Query(ctx, in, func(rows *sql.Rows) error {
		var l laneRow
		err := rows.Scan(&l.Key, &l.No, &l.Owner, &l.Crashes)
		lanes = append(lanes, l)
		return err
	}, "SELECT "+laneColumns+" FROM lanes WHERE "+query, args...)
	return lanes, err
}

func (b *Inbox) takeLanes(ctx context.Context, tx database.Tx, n int, now int64) ([]laneRow, error) {
	lanes, err := b.lanes(ctx, tx, "queue = ? AND ready_at <= ? ORDER BY ready_at LIMIT ? "+b.DB.SkipLocked(), b.Queue, now, n)
	if err == nil {
		lanes, err = b.divert(ctx, tx, lanes, now)
	}
	if err != nil || len(lanes) == 0 {
		return nil, err
	}
	keys := make([][]byte, len(lanes))
	for i := range lanes {
		keys[i] = lanes[i].Key
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE lanes SET lease_owner = ?, lease_no = lease_no + 1, ready_at = ?, updated_at = ? WHERE lane_key IN (?)",
		b.Owner, now+b.Lease.Microseconds(), now, keys)
	return lanes, err
}

// openLane reads the events of a claimed lane, in a statement of its own so
// that it sees everything committed before the claim.
func (b *Inbox) openLane(ctx context.Context, tx database.Tx, lane laneRow) (Work, error) {
	w := Work{Lease: &Lease{lane: lane.Key, owner: b.Owner, no: lane.No + 1, clock: b.elapsed}}
	rows, err := b.oldestOpen(ctx, tx, lane.Key)
	if err != nil {
		return w, err
	}
	if len(rows) == 0 { // nothing to do after all
		_, err = b.DB.Exec(ctx, tx, "UPDATE lanes SET ready_at = NULL, lease_owner = '' WHERE lane_key = ?", lane.Key)
		return w, err
	}
	events := make([]Event, len(rows))
	for i := range rows {
		if events[i], err = rows[i].event(); err != nil {
			return w, err
		}
	}
	w.Events = events[:b.next(events)]
	return w, nil
}

// next returns how many of a lane's oldest events the next turn is about.
// Events whose reply is made already stay together until it is shown.
func (b *Inbox) next(events []Event) int {
	made := events[0].DeliveryID
	if made == 0 {
		return b.Group(events)
	}
	n := 1
	for n < len(events) && events[n].DeliveryID == made {
		n++
	}
	return n
}

// Extend is the heartbeat: it keeps the given leases alive.
func (b *Inbox) Extend(ctx context.Context, leases []*Lease) error {
	if len(leases) == 0 {
		return nil
	}
	keys := make([][]byte, len(leases))
	for i, l := range leases {
		keys[i] = l.lane
	}
	begun := b.elapsed()
	var held []laneRow
	err := b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := b.DB.Exec(ctx, tx, "UPDATE lanes SET ready_at = ? WHERE lane_key IN (?) AND lease_owner = ?",
			now+b.Lease.Microseconds(), keys, b.Owner); err != nil {
			return err
		}
		held, err = b.lanes(ctx, tx, "lane_key IN (?) AND lease_owner = ?", keys, b.Owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("heartbeat: %w", database.Explain(err))
	}
	alive := make(map[string]int64, len(held))
	for _, h := range held {
		alive[string(h.Key)] = h.No
	}
	for _, l := range leases {
		if alive[string(l.lane)] == l.no {
			l.until.Store(int64(begun + b.Lease))
		}
	}
	return nil
}

// hold fails with ErrLeaseLost unless the lease is still held, and keeps it
// from being taken until the transaction ends.
func (b *Inbox) hold(ctx context.Context, tx database.Tx, l *Lease) error {
	var no int64
	err := b.DB.QueryRow(ctx, tx, []any{&no}, "SELECT lease_no FROM lanes WHERE lane_key = ? AND lease_owner = ?"+b.sql.lock, l.lane, l.owner)
	if errors.Is(err, sql.ErrNoRows) || err == nil && no != l.no {
		return ErrLeaseLost
	}
	return err
}

// TakeOver makes every lane of this queue claimable at once, whoever held it;
// those that were held are suspects. It is for a process that knows itself to
// be alone on the database.
func (b *Inbox) TakeOver(ctx context.Context) error {
	return b.DB.Write(ctx, b.takeOverSuspects)
}
