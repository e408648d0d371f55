package inbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/internal/database"
)

// A process that dies leaves lanes behind that it was answering, and the oldest
// event of one of them may be a poison message: the one that killed it. So each
// of these lanes counts the death (lanes.crashes) and is answered apart from the
// others, by the rule of its [Isolation]. Whatever comes to an end, well or
// badly, is innocent and its lane a normal one again; and once a reply is made,
// the lane is as after its first death: making it did not kill the process.
//
// From its second death on a lane waits for a while first. A process that
// something else kills as soon as it starts never comes so far, and does not
// make an innocent message look guilty; and between the deaths of a guilty one
// there is time for everybody else.
//
// A lease that ran out under a living process counts as a death too: nobody
// else can tell the two apart, and the price is a moment's wait.

// Isolation is how far a lane is kept apart from other work. It follows from how
// often a process has died over it.
type Isolation int64

const (
	// Normal lanes are answered beside any other.
	Normal Isolation = iota
	// Quarantine is after one death: a few lanes at a time, and of each its
	// oldest event by itself, beside normal work.
	Quarantine
	// Alone is after more: with nothing else in the process. After MaxCrashes
	// deaths alone the event is given up and the chat is told; after one more,
	// over telling it, it is dead without being touched.
	Alone
)

// MaxCrashes is how often a process may die while it answers one event alone.
const MaxCrashes = 3

// rule returns, in SQL, which lanes have an isolation and in which order they
// are taken, and what the ledger says of it.
func (i Isolation) rule() (lanes, order, detail string) {
	switch i {
	case Normal:
		return "crashes = 0", "ready_at", ""
	case Quarantine:
		return "crashes = 1", "ready_at", "the process died while answering it; retried in quarantine"
	case Alone:
	}
	return "crashes > 1", "crashes DESC, ready_at", "the process died again; retried alone"
}

// Isolation returns how the work is to be kept apart.
func (w *Work) Isolation() Isolation { return min(Isolation(w.crashes), Alone) }

// CrashedAlone returns how often the process that answered this work alone died.
func (w *Work) CrashedAlone() int64 { return max(0, w.crashes-int64(Alone)) }

// TakeOver makes every lane of this queue claimable at once, whoever held it;
// those that were held have seen their process die. It is for a process that
// knows itself to be alone on the database.
func (b *Inbox) TakeOver(ctx context.Context) error {
	return b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		return b.countDeath(ctx, tx, now, "queue = ? AND ready_at IS NOT NULL AND lease_owner <> ''", b.o.Queue)
	})
}

// orphaned takes those lanes out of some found ready whose lease ran out under
// somebody else.
func (b *Inbox) orphaned(ctx context.Context, tx database.Tx, lanes []laneRow, now int64) ([]laneRow, error) {
	var orphans [][]byte
	lanes = slices.DeleteFunc(lanes, func(l laneRow) bool {
		orphan := l.Owner != "" && l.Owner != b.o.Owner
		if orphan {
			orphans = append(orphans, l.Key)
		}
		return orphan
	})
	if len(orphans) == 0 {
		return lanes, nil
	}
	return lanes, b.countDeath(ctx, tx, now, "lane_key IN (?)", orphans)
}

func (b *Inbox) countDeath(ctx context.Context, tx database.Tx, now int64, where string, arg any) error {
	// MySQL assigns from left to right: the wait comes from the deaths before.
	_, err := b.DB.Exec(ctx, tx, "UPDATE lanes SET ready_at = ? + ? * crashes, crashes = crashes + 1, lease_owner = '' WHERE "+where,
		now, b.o.CrashWait.Microseconds(), arg)
	return err
}

// CodeCrashed is the code of the error that a poison message is dead of.
const CodeCrashed = "crashed"

// CrashText says why it is dead.
func CrashText(deaths int64) string {
	return fmt.Sprintf("the process died %d times while answering this alone", deaths)
}

// survived forgets the deaths over work but the first, in the commit of its reply.
func (b *Inbox) survived(ctx context.Context, tx database.Tx, w *Work) error {
	if w.Isolation() != Alone {
		return nil
	}
	_, err := b.DB.Exec(ctx, tx, "UPDATE lanes SET crashes = 1 WHERE lane_key = ?", w.Lease.lane)
	return err
}
