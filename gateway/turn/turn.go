package turn

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
)

// Assistant answers with a model.
type Assistant interface {
	Reply(ctx context.Context, ask ai.Ask, onDelta func(string)) (ai.Response, error)
}

// Audience sees the reply to some work grow. It must not block.
type Audience interface {
	// Begin is called when an attempt to answer starts, which ends with ctx at the latest.
	Begin(ctx context.Context)
	// Delta is called with each further piece of the reply.
	Delta(text string)
	// Stop is called when the attempt is interrupted. It returns what of the
	// reply somebody has seen; nobody sees more of it afterwards.
	Stop() (shown string)
}

// Options are what a runner works with.
type Options struct {
	DB        *database.DB
	Inbox     *inbox.Inbox
	Outbox    *outbox.Outbox
	Store     *conversation.PersistentConversationManager
	Memory    memory.Backend
	Usage     *usage.Ledger
	Budget    *budget.Ledger // nil: nothing is bounded
	Commands  *commands.Registry
	Profile   *profile.Profile
	Access    Access    // nil: everybody is answered
	Assistant Assistant // nil: commands only
	Summaries Summaries // nil: none are made
	Counter   ai.TokenCounter
	Metrics   *metrics.Metrics
	Logger    *slog.Logger

	// Audience returns who sees the reply to w grow.
	Audience func(w *inbox.Work) Audience
	// Changed is called when the state of events has changed in the database. It must not block.
	Changed func(eventIDs []int64)

	Tools         Tools
	Files         Files
	Prefix        string // of commands
	SystemPrompt  string // whose links may be followed; the assistant gives it to the model
	SmallModel    string // for summaries; "" = the conversation's own
	Scope         inbox.Scope
	Busy          Busy
	MaxAttempts   int64
	HistoryTurns  int
	HistoryTokens int
	// MaxReply is the most bytes that a reply may have; 0 = no limit.
	MaxReply int
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
	o           Options
	own         []builtin
	arrivals    arrivals
	fuller      chan struct{} // a conversation wants a summary
	reads       chan struct{} // holds one for each file in memory
	pictures    chan struct{} // holds one while a picture is unpacked
	calls       calls
	transcripts transcripts
}

// task is some work as one attempt sees it.
type task struct {
	*inbox.Work

	key      conversation.Key
	say      sentences.Say          // to who is answered
	user     []conversation.Message // the events, see userMessages
	audience Audience
	again    int64    // the reply that is to be made again; 0 = none
	rounds   []*round // the tools that were used for the reply so far
	foreign  bool     // the last prompt held what did not come from who asks
}

func (t *task) lead() *inbox.Event { return &t.Events[0] }

func (r *Runner) task(ctx context.Context, w *inbox.Work) *task {
	lead := &w.Events[0].Event
	return &task{Work: w, key: r.o.Scope.Key(lead), say: r.say(ctx, lead), audience: r.o.Audience(w)}
}

// New returns a runner.
func New(o Options) *Runner {
	r := &Runner{o: o, fuller: make(chan struct{}, 1), reads: make(chan struct{}, filesAtOnce), pictures: make(chan struct{}, 1)}
	r.own = r.builtins()
	return r
}

// Run answers the events of claimed work and shows the reply. Whatever goes
// wrong is written to the ledger; when even that fails the lease runs out and
// the work is taken up again.
func (r *Runner) Run(ctx context.Context, w *inbox.Work) {
	defer r.o.Changed(w.IDs())
	err := r.run(ctx, w)
	if err != nil {
		err = r.settle(ctx, w, err)
	}
	if err == nil {
		r.transcripts.drop(w.IDs())
	}
}

func (r *Runner) run(ctx context.Context, w *inbox.Work) error {
	if over, err := r.resume(ctx, w); over {
		return err
	}
	t := r.task(ctx, w)
	r.nameSenders(ctx, t)
	t.audience.Begin(ctx)
	defer r.o.Outbox.EndDraft(w.Events[0].ID)
	d, err := r.answerSafely(ctx, t)
	if err != nil {
		d, err = r.withoutReply(ctx, t, err)
	}
	if err != nil || d == nil {
		return err
	}
	return r.show(ctx, w, d)
}

// show has a reply shown that was made just now.
func (r *Runner) show(ctx context.Context, w *inbox.Work, d *outbox.Delivery) error {
	r.o.Changed(w.IDs())
	if d.Silent() {
		r.o.Metrics.TurnSeconds.Observe(r.o.DB.Now().Sub(w.Events[0].ReceivedAt).Seconds())
		return nil
	}
	return r.deliver(ctx, w, d)
}

// answerSafely is answer with a panic turned into an error, so that an event
// that makes the code fail uses up its attempts like any other.
func (r *Runner) answerSafely(ctx context.Context, t *task) (d *outbox.Delivery, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a turn: %v", p)
			r.o.Logger.ErrorContext(ctx, "a turn panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	return r.answer(ctx, t)
}

// deliver shows a reply and ends its events in the commit that confirms the last part.
func (r *Runner) deliver(ctx context.Context, w *inbox.Work, d *outbox.Delivery) error {
	d.EventIDs = eventIDs(w)
	err := r.o.Outbox.Deliver(ctx, d, w.Lease.Left, func(ctx context.Context, tx database.Tx) error {
		return r.doneTx(ctx, tx, w, d)
	})
	w.Tries = d.Tries()
	if err == nil {
		r.o.Metrics.TurnSeconds.Observe(r.o.DB.Now().Sub(w.Events[0].ReceivedAt).Seconds())
	}
	return err
}

func (r *Runner) doneTx(ctx context.Context, tx database.Tx, w *inbox.Work, d *outbox.Delivery) error {
	if d.Outcome == outbox.Dead {
		return r.o.Inbox.DoneTx(ctx, tx, w, inbox.End{State: inbox.Dead, Reason: d.Error, Detail: "the chat was told: " + d.Error, Tries: d.Tries()})
	}
	detail := "reply shown"
	if d.Silent() {
		detail = "reply ready to be read"
	}
	return r.o.Inbox.DoneTx(ctx, tx, w, inbox.End{State: inbox.Sent, Detail: detail, Tries: d.Tries()})
}

func eventIDs(w *inbox.Work) []string {
	ids := make([]string, len(w.Events))
	for i := range w.Events {
		ids[i] = w.Events[i].Event.ID
	}
	return ids
}
