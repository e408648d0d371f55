package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/memory"
)

// Assistant answers with a model.
type Assistant interface {
	Reply(ctx context.Context, ask ai.Ask, onDelta func(string)) (ai.Response, error)
}

// Listener hears what happens in a turn while it happens. It must not block.
type Listener interface {
	// Begin is called when an attempt to answer the events starts.
	Begin(eventIDs []int64)
	// Delta is called with each further piece of the reply.
	Delta(eventIDs []int64, text string)
	// Stop is called when the attempt is interrupted. It returns what of the
	// reply somebody has seen; nobody sees more of it afterwards.
	Stop(eventIDs []int64) (shown string)
	// Changed is called when the state of the events has changed in the database.
	Changed(eventIDs []int64)
}

// Options are what a runner works with.
type Options struct {
	DB        *database.DB
	Inbox     *inbox.Inbox
	Outbox    *outbox.Outbox
	Store     *conversation.PersistentConversationManager
	Memory    memory.Backend
	Usage     *usage.Ledger
	Commands  *commands.Registry
	Profile   *profile.Profile
	Assistant Assistant // nil: commands only
	Counter   ai.TokenCounter
	Listener  Listener
	Metrics   *metrics.Metrics
	Logger    *slog.Logger

	Prefix        string // of commands
	Scope         inbox.Scope
	Busy          Busy
	MaxAttempts   int64
	HistoryTurns  int
	HistoryTokens int
	// MaxReply is the most bytes that a reply may have; 0 = no limit.
	MaxReply int
	Budget   Budget
	// Backoff is the wait after the first failed attempt; it doubles with each
	// further one up to MaxBackoff, with jitter.
	Backoff    time.Duration
	MaxBackoff time.Duration
	// Patience is for how long after an event's arrival a call that was not
	// made because of an open circuit is no attempt. Afterwards it is one, so
	// that nobody waits for ever without a word.
	Patience time.Duration
}

// Runner runs turns. It is safe for concurrent use.
type Runner struct {
	Options
	arrivals arrivals
}

// New returns a runner.
func New(o Options) *Runner { return &Runner{Options: o} }

// Run answers the events of claimed work and shows the reply. Whatever goes
// wrong is written to the ledger; when even that fails the lease runs out and
// the work is taken up again.
func (r *Runner) Run(ctx context.Context, w *inbox.Work) {
	defer r.Listener.Changed(w.IDs())
	err := r.run(ctx, w)
	if err == nil {
		return
	}
	log := r.Logger.With(slog.Int64("event", w.Events[0].ID), slog.String("event_id", w.Events[0].Event.ID),
		slog.String("user_key", w.Events[0].Event.UserKey()))
	switch {
	case errors.Is(err, inbox.ErrLeaseLost):
		log.WarnContext(ctx, "turn given up: another worker holds the conversation")
	case ctx.Err() != nil:
		r.handBack(ctx, w, log)
	default:
		r.fail(ctx, w, err, log)
	}
}

// handBack puts the work back at a shutdown. That is no attempt.
func (r *Runner) handBack(ctx context.Context, w *inbox.Work, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.Inbox.Release(ctx, w, "handed back at shutdown"); err != nil {
		log.WarnContext(ctx, "work could not be handed back; it will be taken up when the lease ends", slog.Any("error", err))
	}
}

func (r *Runner) run(ctx context.Context, w *inbox.Work) error {
	if deaths := w.CrashedAlone(); deaths >= inbox.MaxCrashes {
		return r.crashed(ctx, w, deaths)
	}
	if id := w.Events[0].DeliveryID; id != 0 { // the reply is made, but perhaps not shown
		d, err := r.Outbox.Load(ctx, id)
		if err != nil {
			return err
		}
		return r.deliver(ctx, w, d)
	}
	r.Listener.Begin(w.IDs())
	d, err := r.answerSafely(ctx, w)
	if errors.Is(err, errInterrupted) {
		return r.interrupted(ctx, w)
	}
	if err != nil && ctx.Err() == nil && r.final(w, err) {
		d, err = r.giveUp(ctx, w, err)
	}
	if err != nil {
		return err
	}
	return r.show(ctx, w, d)
}

// show has a reply shown that was made just now.
func (r *Runner) show(ctx context.Context, w *inbox.Work, d *outbox.Delivery) error {
	r.Listener.Changed(w.IDs())
	if d.Silent() {
		r.Metrics.TurnSeconds.Observe(r.DB.Now().Sub(w.Events[0].ReceivedAt).Seconds())
		return nil
	}
	return r.deliver(ctx, w, d)
}

// crashed gives up on an event that has killed the process too often. The chat
// is told so, unless a reply is made already and may be on its way.
func (r *Runner) crashed(ctx context.Context, w *inbox.Work, deaths int64) error {
	cause := failure.New(failure.Permanent, inbox.CodeCrashed, inbox.CrashText(deaths), nil)
	if w.Events[0].DeliveryID != 0 {
		return cause
	}
	d, err := r.giveUp(ctx, w, cause)
	if err != nil {
		return err
	}
	return r.show(ctx, w, d)
}

// answerSafely is answer with a panic turned into an error, so that an event
// that makes the code fail uses up its attempts like any other.
func (r *Runner) answerSafely(ctx context.Context, w *inbox.Work) (d *outbox.Delivery, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a turn: %v", p)
			r.Logger.ErrorContext(ctx, "a turn panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	return r.answer(ctx, w)
}

// final reports whether no further attempt is to follow after err.
func (r *Runner) final(w *inbox.Work, err error) bool {
	return failure.KindOf(err) == failure.Permanent || (r.counts(w, err) && w.Events[0].Attempts+1 >= r.MaxAttempts)
}

// counts reports whether what ended in err was an attempt. A look for what
// became of a send is none, nor is a call that was not made.
func (r *Runner) counts(w *inbox.Work, err error) bool {
	switch {
	case errors.Is(err, outbox.ErrLookup), errors.Is(err, outbox.ErrLeaseShort):
		return false
	case errors.Is(err, breaker.ErrOpen):
		return r.DB.Now().Sub(w.Events[0].ReceivedAt) > r.Patience
	}
	return true
}

// deliver shows a reply and ends its events in the commit that confirms the last part.
func (r *Runner) deliver(ctx context.Context, w *inbox.Work, d *outbox.Delivery) error {
	d.EventIDs = eventIDs(w)
	err := r.Outbox.Deliver(ctx, d, w.Lease.Left, func(ctx context.Context, tx database.Tx) error {
		return r.doneTx(ctx, tx, w, d)
	})
	if err == nil {
		r.Metrics.TurnSeconds.Observe(r.DB.Now().Sub(w.Events[0].ReceivedAt).Seconds())
	}
	return err
}

func (r *Runner) doneTx(ctx context.Context, tx database.Tx, w *inbox.Work, d *outbox.Delivery) error {
	if d.Outcome == outbox.Dead {
		return r.Inbox.DoneTx(ctx, tx, w, inbox.Dead, d.Error, "the chat was told: "+d.Error)
	}
	detail := "reply shown"
	if d.Silent() {
		detail = "reply ready to be read"
	}
	return r.Inbox.DoneTx(ctx, tx, w, inbox.Sent, "", detail)
}

// fail decides what becomes of work whose attempt ended in err.
func (r *Runner) fail(ctx context.Context, w *inbox.Work, err error, log *slog.Logger) {
	ctx = context.WithoutCancel(ctx)
	lead := &w.Events[0]
	code := failure.CodeOf(err)
	if failure.KindOf(err) == failure.Ambiguous {
		code = "ambiguous"
	}
	reason := code + ": " + err.Error()
	log = log.With(slog.String("error", reason), slog.Int64("attempts", lead.Attempts))
	final := r.final(w, err)
	failed := r.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if final {
			return r.Inbox.DoneTx(ctx, tx, w, inbox.Dead, reason, reason)
		}
		return r.Inbox.FailTx(ctx, tx, w, inbox.Failure{Reason: reason, Wait: r.wait(lead.Attempts, err), Counts: r.counts(w, err)})
	})
	switch {
	case failed != nil:
		r.Metrics.DatabaseFails.Inc()
		log.ErrorContext(ctx, "a failed turn could not be written down; it is taken up when the lease ends", slog.Any("cause", failed))
	case final:
		log.ErrorContext(ctx, "event is dead")
	default:
		log.WarnContext(ctx, "turn failed; it will be tried again")
	}
}

// wait returns how long to wait after a failed attempt; what the other side
// asked for wins.
func (r *Runner) wait(attempts int64, err error) time.Duration {
	if asked := failure.WaitOf(err); asked > 0 {
		return asked
	}
	d := r.Backoff << min(attempts, 20)
	if d > r.MaxBackoff || d <= 0 {
		d = r.MaxBackoff
	}
	return d*3/4 + rand.N(d/2+1)
}

func eventIDs(w *inbox.Work) []string {
	ids := make([]string, len(w.Events))
	for i := range w.Events {
		ids[i] = w.Events[i].Event.ID
	}
	return ids
}
