package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

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
			now+b.o.Lease.Microseconds(), keys, b.o.Owner); err != nil {
			return err
		}
		held, err = b.lanes(ctx, tx, "lane_key IN (?) AND lease_owner = ?", keys, b.o.Owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	alive := make(map[string]int64, len(held))
	for _, h := range held {
		alive[string(h.Key)] = h.No
	}
	for _, l := range leases {
		if alive[string(l.lane)] == l.no {
			l.until.Store(int64(begun + b.o.Lease))
		}
	}
	return nil
}

// HoldTx fails with ErrLeaseLost when the lane is no longer ours, and keeps it
// from being taken until the transaction ends.
func (b *Inbox) HoldTx(ctx context.Context, tx database.Tx, w *Work) error {
	_, err := b.hold(ctx, tx, w.Lease)
	return err
}

// hold is [Inbox.HoldTx] and returns the time that belongs to what is written under it.
func (b *Inbox) hold(ctx context.Context, tx database.Tx, l *Lease) (now int64, err error) {
	var no int64
	moment, args := b.DB.Moment()
	err = b.DB.QueryRow(ctx, tx, []any{&no, &now}, "SELECT lease_no, "+moment+" FROM lanes WHERE lane_key = ? AND lease_owner = ?"+b.DB.ForUpdate(),
		append(args, l.lane, l.owner)...)
	if errors.Is(err, sql.ErrNoRows) || err == nil && no != l.no {
		return 0, ErrLeaseLost
	}
	return now, err
}
