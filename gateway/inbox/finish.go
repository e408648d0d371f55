package inbox

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// mark sets the state of events and appends a step to each.
func (l *Ledger) mark(ctx context.Context, tx database.Tx, ids []int64, now int64, to State, detail string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := l.DB.Exec(ctx, tx, "UPDATE events SET status = ?, updated_at = ?, steps = "+l.sql.appendStep+" WHERE id IN (?)",
		string(to), now, step(now, to, detail), ids)
	return err
}

// Answer is a reply that is made.
type Answer struct {
	ConversationID int64
	Whole          bool   // whoever has asked for no more of it was too late
	Detail         string // for the ledger
}

// AnsweredTx notes that the reply to the events is made and which delivery shows
// it, and returns the time of that by the database's clock. It fails with
// ErrLeaseLost when the lane is no longer ours, and with ErrRetracted when one of
// the messages was taken back.
func (b *Inbox) AnsweredTx(ctx context.Context, tx database.Tx, w *Work, a Answer) (now int64, err error) {
	now, err = b.hold(ctx, tx, w.Lease)
	if err != nil {
		return 0, err
	}
	answered := func(calledOff string) (int64, error) {
		return b.DB.Exec(ctx, tx, "UPDATE events SET conversation_id = ?, delivery_id = ?, attempts = attempts + ?, updated_at = ?, steps = "+
			b.sql.appendStep+" WHERE id IN (?) AND called_off "+calledOff,
			a.ConversationID, w.Events[0].ID, w.Tries, now, step(now, Running, a.Detail), w.IDs())
	}
	n, err := answered("= ''")
	if err != nil {
		return 0, err
	}
	if n < int64(len(w.Events)) { // somebody has called off the others
		more, err := answered("NOT IN ('', '" + string(Retracted) + "')")
		if err == nil && n+more < int64(len(w.Events)) {
			err = ErrRetracted
		}
		if err == nil && a.Whole {
			err = b.tooLate(ctx, tx, w)
		}
		if err != nil {
			return 0, err
		}
	}
	if err := b.followTx(ctx, tx, &w.Events[0].Event, now); err != nil {
		return 0, err
	}
	return now, b.survived(ctx, tx, w)
}

// NoteTx appends a line to the ledger of events that are being answered. It fails
// with ErrLeaseLost when the lane is no longer ours, and with ErrRetracted when one
// of the messages was taken back.
func (b *Inbox) NoteTx(ctx context.Context, tx database.Tx, w *Work, detail string) error {
	now, err := b.hold(ctx, tx, w.Lease)
	if err != nil {
		return err
	}
	n, err := b.DB.Exec(ctx, tx, "UPDATE events SET updated_at = ?, steps = "+b.sql.appendStep+" WHERE id IN (?) AND called_off <> ?",
		now, step(now, Running, detail), w.IDs(), string(Retracted))
	if err == nil && n < int64(len(w.Events)) {
		err = ErrRetracted
	}
	return err
}

// End is how events end.
type End struct {
	State  State
	Reason string // with Ignored and Dead: why
	Detail string // for the ledger
	Tries  int64  // made since the last commit of these events
}

// DoneTx ends the events in a final state and gives the lane back.
func (b *Inbox) DoneTx(ctx context.Context, tx database.Tx, w *Work, end End) error {
	now, err := b.hold(ctx, tx, w.Lease)
	if err != nil {
		return err
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE events SET status = ?, error = ?, attempts = attempts + ?, next_attempt_at = 0, updated_at = ?, steps = "+
		b.sql.appendStep+" WHERE id IN (?)", string(end.State), end.Reason, end.Tries, now, step(now, end.State, end.Detail), w.IDs())
	if err != nil {
		return err
	}
	return b.free(ctx, tx, w, now)
}

// hasOpen is true in SQL when the lane ? has open events.
const hasOpen = "EXISTS (SELECT 1 FROM events WHERE lane_key = ? AND " + open + ")"

// free gives a lane back whose events have ended, or wait for nothing.
func (b *Inbox) free(ctx context.Context, tx database.Tx, w *Work, now int64) error {
	// The lane's row is held, so whoever adds to the lane has done so before
	// and is seen here, or finds the lane idle and wakes it.
	_, err := b.DB.Exec(ctx, tx, "UPDATE lanes SET lease_owner = '', crashes = 0, updated_at = ?, ready_at = "+
		"CASE WHEN "+hasOpen+" THEN "+b.sql.moment+" ELSE NULL END WHERE lane_key = ?",
		now, w.Lease.lane, now, w.Lease.lane)
	return err
}

// Failure says how an attempt ended.
type Failure struct {
	Reason string        // for the ledger
	Wait   time.Duration // until the next attempt
	Counts bool          // as one of gateway.max_attempts: it is ours or the model's
	Tries  int64         // made since the last commit of these events
}

// FailTx puts the events back until the wait is over.
func (b *Inbox) FailTx(ctx context.Context, tx database.Tx, w *Work, f Failure) error {
	now, err := b.hold(ctx, tx, w.Lease)
	if err != nil {
		return err
	}
	count, next := 0, now+f.Wait.Microseconds()
	if f.Counts {
		count = 1
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE events SET status = ?, error = ?, attempts = attempts + ?, failures = failures + ?, next_attempt_at = ?, "+
		"updated_at = ?, steps = "+b.sql.appendStep+" WHERE id IN (?)",
		string(Failed), f.Reason, f.Tries, count, next, now, step(now, Failed, f.Reason), w.IDs())
	if err != nil {
		return err
	}
	return b.giveBack(ctx, tx, w, next, 0)
}

// Release hands unfinished work back at once, as at a shutdown. It is no attempt.
func (b *Inbox) Release(ctx context.Context, w *Work, detail string) error {
	return b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return b.InterruptTx(ctx, tx, w, 0, detail)
	})
}

func (b *Inbox) giveBack(ctx context.Context, tx database.Tx, w *Work, readyAt, crashes int64) error {
	_, err := b.DB.Exec(ctx, tx, "UPDATE lanes SET lease_owner = '', crashes = ?, ready_at = ? WHERE lane_key = ?", crashes, readyAt, w.Lease.lane)
	return err
}
