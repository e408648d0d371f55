package inbox

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// A process that dies leaves lanes behind that it was working on. One of their
// events may be what killed it, so these lanes are suspects: they move to a
// queue of their own, from which a few at a time are answered. A suspect whose
// process dies again is answered with nothing else in its process beside it,
// and a suspect whose process dies three times like that is given up on. Any
// turn that comes to an end, whichever, clears its lane; and when the reply is
// made, the count of deaths begins anew: making it did not kill the process.
//
// From its second death on a suspect waits for a while first. A process that
// something else kills as soon as it starts never comes so far, and does not
// make an innocent event look guilty; and between the deaths of a guilty one
// there is time for everybody else.
//
// A lease that ran out under a living process counts as a death too: nobody
// else can tell the two apart, and the price is a moment's wait.

// MaxCrashes is how often a process may die while it answers one event alone.
const MaxCrashes = 3

// suspectMark ends the name of the queue that holds a queue's suspects.
const suspectMark = "!"

func (b *Inbox) suspectQueue() string { return b.Queue + suspectMark }

// CrashedAlone returns how often the process that answered this work alone died.
func (w *Work) CrashedAlone() int64 { return max(0, w.crashes-1) }

// Suspect reports that a process died over this work, which is about its oldest
// event only, whatever was answered with it before.
func (w *Work) Suspect() bool { return w.suspect }

// Alone reports that nothing else may run in this process beside the work.
func (w *Work) Alone() bool { return w.crashes > 0 }

// divert takes the lanes of dead processes out of those found ready, and makes
// them suspects.
func (b *Inbox) divert(ctx context.Context, tx database.Tx, lanes []laneRow, now int64) ([]laneRow, error) {
	var mine []laneRow
	var left [][]byte
	for _, lane := range lanes {
		if b.orphaned(lane) {
			left = append(left, lane.Key)
		} else {
			mine = append(mine, lane)
		}
	}
	if len(left) == 0 {
		return lanes, nil
	}
	_, err := tx.NewRaw("UPDATE lanes SET queue = ?, crashes = 0, lease_owner = '', ready_at = ?, updated_at = ? WHERE lane_key IN (?)",
		b.suspectQueue(), now, now, bun.List(left)).Exec(ctx)
	return mine, err
}

// orphaned reports that a lane's lease ran out under somebody else.
func (b *Inbox) orphaned(lane laneRow) bool { return lane.Owner != "" && lane.Owner != b.Owner }

// takeOverSuspects makes every lane that a dead predecessor held a suspect.
func (b *Inbox) takeOverSuspects(ctx context.Context, tx database.Tx) error {
	now, err := b.DB.Clock(ctx, tx)
	if err != nil {
		return err
	}
	const held = " WHERE queue = ? AND ready_at IS NOT NULL AND lease_owner <> ''"
	_, err = tx.NewRaw("UPDATE lanes SET ready_at = ? + ? * (crashes + 1), crashes = crashes + 1, lease_owner = ''"+held,
		now, b.CrashWait.Microseconds(), b.suspectQueue()).Exec(ctx)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE lanes SET queue = ?, crashes = 0, ready_at = ?, lease_owner = ''"+held, b.suspectQueue(), now, b.Queue).Exec(ctx)
	return err
}

// Suspect reports whether a suspect waits, and whether the one to be taken
// first must run alone. It does not disturb writers.
func (b *Inbox) Suspect(ctx context.Context) (waits, alone bool, err error) {
	now, err := b.DB.Clock(ctx, b.DB.Read())
	if err != nil {
		return false, false, err
	}
	lanes, err := b.lanes(ctx, b.DB.Read(), mostSuspect, b.suspectQueue(), now)
	if err != nil || len(lanes) == 0 {
		return false, false, err
	}
	return true, b.crashesOf(lanes[0]) > 0, nil
}

// mostSuspect finds the suspect that is taken first. There are few at any time.
const mostSuspect = "queue = ? AND ready_at <= ? ORDER BY crashes DESC, ready_at LIMIT 1 "

func (b *Inbox) crashesOf(lane laneRow) int64 {
	if b.orphaned(lane) {
		return lane.Crashes + 1
	}
	return lane.Crashes
}

// ClaimSuspect takes the suspect that is to run next, with its oldest event
// only; nil when there is none. alone says whether the caller can run it
// alone: when not, a suspect that must is left.
func (b *Inbox) ClaimSuspect(ctx context.Context, alone bool) (w *Work, err error) {
	begun := b.elapsed()
	err = b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		w = nil
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		lanes, err := b.lanes(ctx, tx, mostSuspect+b.DB.SkipLocked(), b.suspectQueue(), now)
		if err != nil || len(lanes) == 0 {
			return err
		}
		lane := lanes[0]
		lane.Crashes = b.crashesOf(lane)
		if lane.Crashes > 0 && !alone {
			return nil
		}
		w, err = b.holdSuspect(ctx, tx, lane, now)
		return err
	})
	if err != nil || w == nil {
		return nil, database.Explain(err)
	}
	w.Lease.until.Store(int64(begun + b.Lease))
	return w, nil
}

func (b *Inbox) holdSuspect(ctx context.Context, tx database.Tx, lane laneRow, now int64) (*Work, error) {
	_, err := tx.NewRaw("UPDATE lanes SET lease_owner = ?, lease_no = lease_no + 1, crashes = ?, ready_at = ?, updated_at = ? WHERE lane_key = ?",
		b.Owner, lane.Crashes, now+b.Lease.Microseconds(), now, lane.Key).Exec(ctx)
	if err != nil {
		return nil, err
	}
	w, err := b.openLane(ctx, tx, lane)
	if err != nil {
		return nil, err
	}
	if len(w.Events) == 0 {
		return nil, b.clear(ctx, tx, lane.Key)
	}
	w.suspect, w.crashes = true, lane.Crashes
	if w.Events[0].DeliveryID == 0 {
		w.Events = w.Events[:1]
	}
	// Even giving up on it killed the process: nothing is tried any more.
	if deaths := w.CrashedAlone(); deaths > MaxCrashes {
		return nil, b.DoneTx(ctx, tx, &w, Dead, CodeCrashed+": "+CrashText(deaths), "given up without a word")
	}
	detail := "its process died; taken up alone among suspects"
	if w.Alone() {
		detail = fmt.Sprintf("its process died again; running with nothing beside it (deaths while alone: %d)", w.CrashedAlone())
	}
	return &w, b.mark(ctx, tx, w.IDs(), now, Running, detail)
}

// CodeCrashed is the code of the error that such an event is dead of.
const CodeCrashed = "crashed"

// CrashText says why it is dead.
func CrashText(deaths int64) string {
	return fmt.Sprintf("the process died %d times while it answered this alone", deaths)
}

// cleared makes a suspect's lane an ordinary one again, in the commit that
// ends its turn.
func (b *Inbox) cleared(ctx context.Context, tx database.Tx, w *Work) error {
	if !w.suspect {
		return nil
	}
	return b.clear(ctx, tx, w.Lease.lane)
}

// survived forgets the deaths of a suspect, in the commit of its reply.
func (b *Inbox) survived(ctx context.Context, tx database.Tx, w *Work) error {
	if !w.suspect {
		return nil
	}
	_, err := tx.NewRaw("UPDATE lanes SET crashes = 0 WHERE lane_key = ?", w.Lease.lane).Exec(ctx)
	return err
}

func (b *Inbox) clear(ctx context.Context, tx database.Tx, lane []byte) error {
	_, err := tx.NewRaw("UPDATE lanes SET queue = ?, crashes = 0 WHERE lane_key = ?", b.Queue, lane).Exec(ctx)
	return err
}
