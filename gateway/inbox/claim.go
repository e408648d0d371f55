package inbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// MaxBatch is how many events of a lane one claim looks at.
const MaxBatch = 8

// Work is a claimed lane and the events that its next turn answers, as they were said.
type Work struct {
	Lease  *Lease
	Events []Event
	// Tries are the calls of a model that were made since the last commit of
	// these events; AnsweredTx counts them.
	Tries int64

	crashes int64 // how often a process died over it, see quarantine.go
}

// IDs returns the ids of the work's events.
func (w *Work) IDs() []int64 {
	ids := make([]int64, len(w.Events))
	for i := range w.Events {
		ids[i] = w.Events[i].ID
	}
	return ids
}

// Lane returns the key of the lane that an event stands in.
func (b *Inbox) Lane(e *platforms.Event) []byte { return b.Key(e).Identity() }

// Key returns the identity of the conversation that an event belongs to.
func (b *Inbox) Key(e *platforms.Event) conversation.Key { return b.o.Scope.Key(e) }

// Ready reports of which isolations there are lanes that can be claimed. It does
// not disturb writers.
func (b *Inbox) Ready(ctx context.Context) (ready [Alone + 1]bool, err error) {
	now, at := b.DB.Moment()
	one := func(i Isolation) string {
		lanes, _, _ := i.rule()
		return "EXISTS (SELECT 1 FROM lanes WHERE queue = ? AND " + lanes + " AND ready_at <= " + now + ")"
	}
	args := append([]any{b.o.Queue}, at...)
	err = b.DB.QueryRow(ctx, b.DB.Read(), []any{&ready[Normal], &ready[Quarantine], &ready[Alone]},
		"SELECT "+one(Normal)+", "+one(Quarantine)+", "+one(Alone), slices.Concat(args, args, args)...)
	return ready, err
}

// Claim takes up to n normal lanes that are ready, those that wait longest first.
func (b *Inbox) Claim(ctx context.Context, n int) ([]Work, error) { return b.ClaimAs(ctx, Normal, n) }

// ClaimAs is [Inbox.Claim] for lanes of any isolation. The caller sees to it
// that nothing else runs beside what is Alone.
func (b *Inbox) ClaimAs(ctx context.Context, as Isolation, n int) ([]Work, error) {
	_, _, detail := as.rule()
	var works []Work
	begun := b.elapsed()
	err := b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		works = nil
		lanes, now, err := b.takeLanes(ctx, tx, as, n)
		if err != nil {
			return err
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
			w.Lease.until.Store(int64(begun + b.o.Lease))
			works = append(works, w)
			ids = append(ids, w.IDs()...)
		}
		return b.mark(ctx, tx, ids, now, Running, detail)
	})
	return works, err
}

type laneRow struct {
	Key     []byte
	No      int64
	Owner   string
	Crashes int64
	Now     int64 // when it was read
}

func (l *Ledger) lanes(ctx context.Context, in database.Reader, query string, args ...any) ([]laneRow, error) {
	now, at := l.DB.Moment()
	return database.All(ctx, l.DB, in, func(l *laneRow) []any { return []any{&l.Key, &l.No, &l.Owner, &l.Crashes, &l.Now} },
		"SELECT lane_key, lease_no, lease_owner, crashes, "+now+" FROM lanes WHERE "+query, append(at, args...)...)
}

// takeLanes takes up to n lanes that are ready, and tells the time.
func (b *Inbox) takeLanes(ctx context.Context, tx database.Tx, as Isolation, n int) (lanes []laneRow, now int64, err error) {
	of, order, _ := as.rule()
	moment, at := b.DB.Moment()
	lanes, err = b.lanes(ctx, tx, "queue = ? AND "+of+" AND ready_at <= "+moment+" ORDER BY "+order+" LIMIT ?"+b.DB.SkipLocked(),
		slices.Concat([]any{b.o.Queue}, at, []any{n})...)
	if err != nil || len(lanes) == 0 {
		return nil, 0, err
	}
	now = lanes[0].Now
	lanes, err = b.orphaned(ctx, tx, lanes, now) // a dead process has held some
	if err != nil || len(lanes) == 0 {
		return nil, 0, err
	}
	keys := make([][]byte, len(lanes))
	for i := range lanes {
		keys[i] = lanes[i].Key
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE lanes SET lease_owner = ?, lease_no = lease_no + 1, ready_at = ?, updated_at = ? WHERE lane_key IN (?)",
		b.o.Owner, now+b.o.Lease.Microseconds(), now, keys)
	return lanes, now, err
}

// openLane reads the events of a claimed lane that the next turn is about, none
// when nothing is to be done. It does so in a statement of its own, to see
// everything committed before the claim.
func (b *Inbox) openLane(ctx context.Context, tx database.Tx, lane laneRow) (Work, error) {
	w := Work{Lease: &Lease{lane: lane.Key, owner: b.o.Owner, no: lane.No + 1, clock: b.elapsed}, crashes: lane.Crashes}
	events, err := b.nextOpen(ctx, tx, lane.Key)
	if err != nil {
		return w, err
	}
	if len(events) == 0 { // nothing to do after all
		_, err = b.DB.Exec(ctx, tx, "UPDATE lanes SET ready_at = NULL, lease_owner = '', crashes = 0 WHERE lane_key = ?", lane.Key)
		return w, err
	}
	w.Events = events[:b.next(events, w.Isolation())]
	if deaths := w.CrashedAlone(); deaths > MaxCrashes { // even giving it up killed the process
		err = b.DoneTx(ctx, tx, &w, End{State: Dead, Reason: CodeCrashed + ": " + CrashText(deaths), Detail: "given up; the chat was not told"})
		w.Events = nil
	}
	return w, err
}

// lookAhead is how many of a lane's events are put in the order in which they were
// said: as many as may have come in before one that belongs in front of them.
const lookAhead = 4 * MaxBatch

// oldestOpen returns the open events of a lane that came in first.
func (l *Ledger) oldestOpen(ctx context.Context, db database.Reader, lane []byte) ([]row, error) {
	return l.rows(ctx, db, "lane_key = ? AND "+open+" ORDER BY id LIMIT ?", lane, lookAhead)
}

// nextOpen returns the open events of a lane that are to be answered next, in the
// order in which they were said.
func (l *Ledger) nextOpen(ctx context.Context, db database.Reader, lane []byte) ([]Event, error) {
	rows, err := l.oldestOpen(ctx, db, lane)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i := range rows {
		if events[i], err = rows[i].event(); err != nil {
			return nil, err
		}
	}
	asSaid(events)
	return events[:min(len(events), MaxBatch)], nil
}

// next returns how many of a lane's oldest events the next turn is about.
// Events whose reply is made already stay together until it is shown.
func (b *Inbox) next(events []Event, as Isolation) int {
	made := events[0].DeliveryID
	n := 1
	if made == 0 && as == Normal {
		for most := b.o.Group(events); n < most && events[n].isStopped() == events[0].isStopped(); {
			n++
		}
		return n
	}
	for made != 0 && n < len(events) && events[n].DeliveryID == made {
		n++
	}
	return n
}

// isStopped reports whether nobody wants an answer to the event any more.
func (e *Event) isStopped() bool { return e.CalledOff == Stopped }

const (
	// timely is how long ago a platform may have been told what it delivers now.
	// They repeat what they are not sure of for hours.
	timely = 24 * time.Hour
	// ahead is by how much a platform's clock may be ahead of ours to count.
	ahead = time.Minute
)

// asSaid puts what waits for its first turn in the order in which it was said.
// What one chat is told over two connections may change places on the way.
// Whatever has begun stands in front.
func asSaid(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.begun(), b.begun()), a.saidAt().Compare(b.saidAt()))
	})
}

// begun returns how far the way of an event is: those whose reply is made come
// before those that were taken up, and these before all others.
func (e *Event) begun() int {
	switch {
	case e.DeliveryID != 0:
		return 0
	case e.State != Received:
		return 1
	}
	return 2
}

// saidAt is the platform's time, unless that is far from when the event came.
func (e *Event) saidAt() time.Time {
	if at, since := e.Event.SentAt, e.ReceivedAt.Sub(e.Event.SentAt); since < timely && since > -ahead {
		return at
	}
	return e.ReceivedAt
}
