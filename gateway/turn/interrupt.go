package turn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

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
	if r.Busy != BusyInterrupt {
		return
	}
	for i := range events {
		r.arrivals.wake(r.lane(&events[i]))
	}
}

func (r *Runner) lane(e *platforms.Event) string { return string(r.Scope.Key(e).Identity()) }

// interruptible returns a context that ends, with errInterrupted as its cause,
// when more has arrived that is to be answered with w. stop ends the watch.
func (r *Runner) interruptible(ctx context.Context, w *inbox.Work) (watched context.Context, stop func()) {
	if r.Busy != BusyInterrupt {
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
		if grown, err := r.Inbox.Grown(ctx, w); err == nil && grown {
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
func (r *Runner) interrupted(ctx context.Context, w *inbox.Work) error {
	shown := r.Listener.Stop(w.IDs())
	key := r.Scope.Key(&w.Events[0].Event)
	err := r.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if shown == "" {
			return r.Inbox.InterruptTx(ctx, tx, w, 0, errInterrupted.Error())
		}
		conv, err := r.Store.GetOrCreateTx(ctx, tx, key, r.DB.Now())
		if err != nil {
			return err
		}
		messages := append(fresh(w, r.userMessages(w, key)), conversation.Message{
			Role: conversation.RoleAssistant, Content: shown, Tokens: r.Counter.Count(shown),
			Metadata: map[string]any{conversation.MetaInterrupted: true},
		})
		if _, err := r.Store.SaveTx(ctx, tx, conv.ID, messages...); err != nil {
			return err
		}
		if err := r.rememberInterruptedTx(ctx, tx, w, &reply{user: r.userMessages(w, key), bot: &messages[len(messages)-1]}); err != nil {
			return err
		}
		// Of a call that was ended the model reports nothing; what it has said counts.
		if err := r.spendTx(ctx, tx, &w.Events[0].Event, messages[len(messages)-1].Tokens); err != nil {
			return err
		}
		return r.Inbox.InterruptTx(ctx, tx, w, conv.ID, errInterrupted.Error()+"; what was shown of the reply is kept")
	})
	if err != nil {
		return fmt.Errorf("put interrupted work back: %w", err)
	}
	return nil
}

// rememberInterruptedTx counts the messages that are stored now; the turn that
// answers them in the end does not count them again. A memory on another server,
// which could not be told in this commit, is not told.
func (r *Runner) rememberInterruptedTx(ctx context.Context, tx database.Tx, w *inbox.Work, a *reply) error {
	if !r.Memory.Transactional() {
		return nil
	}
	last := &w.Events[len(w.Events)-1]
	all := lesson{effect: memory.Effect{ID: eventName(last) + ":interrupted", At: last.ReceivedAt}}
	for _, l := range r.lessons(w, a) {
		all.changes = append(all.changes, l.changes...)
	}
	return r.tell(ctx, tx, all)
}
