package turn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// Busy says what becomes of a message that arrives while the reply to the one
// before is being made.
type Busy string

// The policies.
const (
	BusyQueue     Busy = "queue"     // one reply each, in order
	BusyCoalesce  Busy = "coalesce"  // those that wait are answered together
	BusyInterrupt Busy = "interrupt" // the running reply is stopped and answered with the next
)

// Group returns how many of a lane's oldest events one turn answers together:
// with coalesce consecutive messages of one sender that want their reply at
// one address. Commands keep their place and their own answer.
func Group(busy Busy, isCommand func(*platforms.Event) bool) func([]inbox.Event) int {
	return func(events []inbox.Event) int {
		lead := &events[0].Event
		if busy == BusyQueue || isCommand(lead) {
			return 1
		}
		n := 1
		for n < len(events) && together(lead, &events[n]) && !isCommand(&events[n].Event) {
			n++
		}
		return n
	}
}

func together(lead *platforms.Event, next *inbox.Event) bool {
	e := &next.Event
	return next.DeliveryID == 0 && e.SenderID == lead.SenderID && e.Platform == lead.Platform &&
		sameAddress(lead.ReplyTo, e.ReplyTo)
}

// sameAddress compares where replies go. Which message is answered differs by
// nature, as does what the adapter keeps beside; of private answers that is the
// way to who asked.
func sameAddress(a, b platforms.Address) bool {
	return a.Tenant == b.Tenant && a.ChatID == b.ChatID && a.ThreadID == b.ThreadID &&
		a.UserID == b.UserID && a.UserKey == b.UserKey && a.Private == b.Private &&
		(!a.Private || maps.Equal(a.Extra, b.Extra))
}

// With the policy interrupt, a message that arrives while the model answers
// those before it in its lane stops the model and is answered together with
// them. It must be one that coalesce would have answered with them: of the same
// sender, for the same address, with no command between. A command never stops
// a reply, and a reply whose commit has begun is not stopped any more.

// errInterrupted ends a model's call because more has arrived.
var errInterrupted = errors.New("interrupted by a newer message")

// lookEvery is how often a turn looks for what another replica has accepted.
// Of what this process accepts it hears at once.
const lookEvery = time.Second

// arrivals wake the turns that are running in this process, by lane.
type arrivals struct {
	mu    sync.Mutex
	lanes map[string]chan struct{}
}

func (a *arrivals) watch(lane string) (wake <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lanes == nil {
		a.lanes = map[string]chan struct{}{}
	}
	a.lanes[lane] = c
	return c, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.lanes[lane] == c {
			delete(a.lanes, lane)
		}
	}
}

func (a *arrivals) wake(lane string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case a.lanes[lane] <- struct{}{}: // blocks where nobody watches
	default:
	}
}

// Arrived tells running turns that this process has accepted further events.
func (r *Runner) Arrived(events []platforms.Event) {
	if r.o.Busy != BusyInterrupt {
		return
	}
	for i := range events {
		r.arrivals.wake(r.lane(&events[i]))
	}
}

func (r *Runner) lane(e *platforms.Event) string { return string(r.o.Scope.Key(e).Identity()) }

// interruptible returns a context that ends, with errInterrupted as its cause,
// when more has arrived that is to be answered with w. stop ends the watch.
func (r *Runner) interruptible(ctx context.Context, w *inbox.Work) (watched context.Context, stop func()) {
	if r.o.Busy != BusyInterrupt {
		return ctx, func() {}
	}
	watched, cancel := context.WithCancelCause(ctx)
	wake, leave := r.arrivals.watch(r.lane(&w.Events[0].Event))
	var watch sync.WaitGroup
	watch.Go(func() { r.watch(watched, w, wake, cancel) })
	return watched, func() {
		leave()
		cancel(nil)
		watch.Wait()
	}
}

func (r *Runner) watch(ctx context.Context, w *inbox.Work, wake <-chan struct{}, cancel context.CancelCauseFunc) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		// A look that fails is made again; the turn is none the worse for it.
		if grown, err := r.o.Inbox.Grown(ctx, w); err == nil && grown {
			cancel(errInterrupted)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-look.C:
		}
	}
}

// interrupted puts the events back to be answered with what has arrived. What
// of the reply somebody has seen is kept, behind the messages it answers.
func (r *Runner) interrupted(ctx context.Context, t *task) error {
	shown := t.audience.Stop()
	r.o.Outbox.Leave(ctx, t.lead().ID)
	handBack := func(ctx context.Context, tx database.Tx) error {
		return r.o.Inbox.InterruptTx(ctx, tx, t.Work, 0, errInterrupted.Error())
	}
	if shown != "" {
		var err error
		if handBack, err = r.keepHalf(ctx, t, shown); err != nil {
			return err
		}
	}
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := r.closeTx(ctx, tx, t, saidNewer); err != nil {
			return err
		}
		return handBack(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("hand back interrupted work: %w", err)
	}
	return nil
}

// keepHalf hands back work and stores what was shown of its reply. The messages
// count for the memory with it: the turn that answers them in the end does not
// count them again.
func (r *Runner) keepHalf(ctx context.Context, t *task, shown string) (func(context.Context, database.Tx) error, error) {
	half := r.half(t, shown)
	a := reply{user: r.userMessages(t), bot: []conversation.Message{half}}
	learn, err := r.remember(ctx, r.lessons(t.Work, &a, "interrupted"))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx database.Tx) error {
		conv, err := r.o.Store.HoldTx(ctx, tx, t.key)
		if err != nil {
			return err
		}
		if _, err := r.o.Store.SaveHeldTx(ctx, tx, conv, append(fresh(t.Work, a.user), half)...); err != nil {
			return err
		}
		if err := learn(ctx, tx); err != nil {
			return err
		}
		return r.o.Inbox.InterruptTx(ctx, tx, t.Work, conv.ID, errInterrupted.Error()+"; what was shown of the reply is kept")
	}, nil
}
