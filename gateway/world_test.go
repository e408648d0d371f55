package gateway_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// model answers with what it is told to; it keeps what it was given.
type model struct {
	mu    sync.Mutex
	reply func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error)
	whole func(ctx context.Context, ask ai.Ask, onDelta func(string)) (ai.Response, error) // in place of reply
	each  int64                                                                            // tokens that a reply is reported with; 0 = 2
	asked []ai.Ask
}

func (m *model) Reply(ctx context.Context, ask ai.Ask, onDelta func(string)) (ai.Response, error) {
	m.mu.Lock()
	m.asked = append(m.asked, ask)
	reply := m.reply
	m.mu.Unlock()
	if m.whole != nil {
		return m.whole(ctx, ask, onDelta)
	}
	reserved := ""
	if ask.Reserve != nil {
		var err error
		if reserved, _, err = ask.Reserve(ctx, 10, 4096); err != nil {
			return ai.Response{}, err
		}
	}
	text, err := reply(ctx, ask, onDelta)
	if err != nil {
		ask.Lost(ai.Response{Reserved: reserved})
		return ai.Response{}, err
	}
	return ai.Response{Text: text, Model: "m", FinishReason: "stop", Reserved: reserved, Usage: ai.Usage{PromptTokens: 1, CompletionTokens: max(m.each, 2) - 1}}, nil
}

// last is what the model was given last, oldest first.
func (m *model) last() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ask := m.asked[len(m.asked)-1]
	return texts(append(slices.Clone(ask.History), ask.New...))
}

func texts(messages []conversation.Message) []string {
	list := make([]string, len(messages))
	for i, m := range messages {
		list[i] = string(m.Role[0]) + ":" + m.Content
	}
	return list
}

// repeating answers with the texts that it was asked about.
func repeating(_ context.Context, ask ai.Ask, _ func(string)) (string, error) {
	var said []string
	for _, m := range ask.New {
		if m.Role == conversation.RoleUser {
			said = append(said, m.Content)
		}
	}
	return "re " + strings.Join(said, "+"), nil
}

// sent is one part that a chat was shown.
type sent struct {
	Key, Text string
	Events    []string
}

// chat is a platform that shows what it is sent.
type chat struct {
	mu    sync.Mutex
	shown []sent
	fail  func() error // nil: never
	lose  bool         // what is shown is not confirmed
}

func (c *chat) Split(reply string) []string { return []string{reply} }

func (c *chat) Send(_ context.Context, _ platforms.Address, p platforms.Part) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		if err := c.fail(); err != nil {
			return "", err
		}
	}
	c.shown = append(c.shown, sent{p.Key, p.Text, p.EventIDs})
	if c.lose {
		return "", failure.New(failure.Ambiguous, "no_answer", "", nil)
	}
	return fmt.Sprint("id", len(c.shown)), nil
}

func (c *chat) Find(_ context.Context, _ platforms.Address, p platforms.Part, _ time.Time) (platforms.Finding, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.ContainsFunc(c.shown, func(s sent) bool { return s.Key == p.Key }) {
		return platforms.Shown, "found", nil
	}
	return platforms.Missing, "", nil
}

func (c *chat) all() []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.shown)
}

// silent is a platform whose readers fetch their replies from us.
type silent struct{ chat }

func (*silent) Silent() bool { return true }

// world is everything around one gateway.
type world struct {
	t     *testing.T
	db    *database.DB
	model *model
	chat  *chat

	inbox   *inbox.Inbox
	outbox  *outbox.Outbox
	gateway *gateway.Gateway
	turns   turn.Options
	runner  atomic.Pointer[turn.Runner]
	store   *conversation.PersistentConversationManager
	memory  *memory.Store

	circuits *breaker.Set
	metrics  *metrics.Metrics
}

// options change a world before it is made.
type options struct {
	busy    turn.Busy
	owner   string
	lease   time.Duration
	workers int
	grace   time.Duration
	// attempts is the most that an event has; 0: 5.
	attempts int64
	giveUp   time.Duration // how long a finished reply is offered; 0: an hour
	// openAfter and editEvery are those of growing messages; 0: as by default.
	openAfter, editEvery time.Duration
	audience             turn.Audience    // of every reply; nil: those who wait
	now                  func() time.Time // of circuits; nil: time.Now
	patience             time.Duration    // 0: an hour
	sender               platforms.Sender // in place of the chat; nil: the chat
	scope                inbox.Scope      // "": a room
	log                  *slog.Logger     // nil: nobody
	commands             commands.Options // but for prefix, store and memory
	choose               profile.Options  // but for preferences
}

// process is one process on a database, with the model and the chat of an
// earlier one if there was one.
func process(t *testing.T, db *database.DB, m *model, c *chat, o options) *world {
	t.Helper()
	w := &world{t: t, db: db, model: m, chat: c, circuits: breaker.NewSet(breaker.Options{Now: o.now}), metrics: metrics.New()}
	ctx := t.Context()
	var err error
	if w.store, err = conversation.New(ctx, db); err != nil {
		t.Fatal(err)
	}
	people := memory.New(db)
	used := usage.New(db)
	asks := o.commands
	asks.Prefix, asks.Store, asks.Memory, asks.Spent = "/", w.store, people, used
	w.memory = people
	o.choose.Preferences = people
	asks.Profile = profile.New(o.choose)
	registry := commands.New(asks)
	scope := cmp.Or(o.scope, inbox.ScopeRoom)
	w.inbox, err = inbox.New(ctx, inbox.Options{
		Ledger: inbox.NewLedger(db, outbox.Table{DB: db}, turn.Table{DB: db}), Owner: o.owner, Lease: cmp.Or(o.lease, time.Minute), Scope: scope,
		Group: turn.Group(o.busy, turn.IsCommand("/")), Stops: turn.Stops("/"),
		Admin: func(e *platforms.Event) bool { return e.SenderID == "admin" },
	})
	if err != nil {
		t.Fatal(err)
	}
	log := cmp.Or(o.log, slog.New(slog.DiscardHandler))
	quiet := &silent{}
	w.outbox = outbox.New(db, outbox.Options{
		Sender: func(name string) platforms.Sender {
			if name == "silent" {
				return quiet
			}
			if o.sender != nil {
				return o.sender
			}
			return c
		},
		GiveUpAfter: cmp.Or(o.giveUp, time.Hour), Backoff: time.Millisecond, MaxBackoff: time.Millisecond,
		OpenAfter: o.openAfter, EditEvery: o.editEvery,
		Circuits: w.circuits, Metrics: w.metrics, Logger: log,
	})
	w.gateway = gateway.New(gateway.Options{
		Inbox: w.inbox, Outbox: w.outbox, Workers: max(o.workers, 1), Grace: o.grace,
		Metrics: w.metrics, Circuits: w.circuits, Logger: log,
		Voice: func(ctx context.Context, e *platforms.Event) sentences.Voice {
			v, _ := registry.Voice(ctx, memory.Person{Tenant: e.Tenant, Platform: e.Platform, SenderID: e.SenderID}, func() string { return e.Locale })
			return v
		},
	})
	audience := w.gateway.Audience
	if o.audience != nil {
		audience = func(*inbox.Work) turn.Audience { return o.audience }
	}
	w.turns = turn.Options{
		DB: db, Inbox: w.inbox, Outbox: w.outbox, Store: w.store, Memory: people, Usage: used, Commands: registry, Profile: asks.Profile,
		Assistant: m, Counter: ai.NewCounter(), Audience: audience, Changed: w.gateway.Changed, Metrics: w.metrics, Logger: log,
		Prefix: "/", Scope: scope, Busy: o.busy, MaxAttempts: cmp.Or(o.attempts, 5), Patience: cmp.Or(o.patience, time.Hour),
		Backoff: time.Millisecond, MaxBackoff: time.Millisecond,
	}
	w.change(func(*turn.Options) {})
	return w
}

// change has the next turns work with other options.
func (w *world) change(do func(o *turn.Options)) {
	do(&w.turns)
	w.runner.Store(turn.New(w.turns))
}

// Run implements [gateway.Runner].
func (w *world) Run(ctx context.Context, work *inbox.Work) { w.runner.Load().Run(ctx, work) }

// Arrived implements [gateway.Runner].
func (w *world) Arrived(events []platforms.Event) { w.runner.Load().Arrived(events) }

// Asking implements [gateway.Runner].
func (w *world) Asking() []int64 { return w.runner.Load().Asking() }

// CallOff implements [gateway.Runner].
func (w *world) CallOff(event int64, why inbox.Signal) { w.runner.Load().CallOff(event, why) }

// message is what somebody says in the one room of these tests.
func message(platform, id, sender, text string) platforms.Event {
	return platforms.Event{
		Platform: platform, ID: id, Kind: platforms.KindMessage, ChatType: platforms.Group, Mentioned: true,
		ChatID: "room", SenderID: sender, Text: text, SentAt: time.Now(), ReplyTo: platforms.Address{ChatID: "room"},
	}
}

func (w *world) accept(events ...platforms.Event) []inbox.Accepted {
	w.t.Helper()
	a, err := w.gateway.Accept(w.t.Context(), events)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// start runs the gateway until the test ends.
func (w *world) start() {
	w.gateway.Start(w.t.Context(), w)
	w.t.Cleanup(w.gateway.Stop)
}

// final waits until the event is final.
func (w *world) final(a inbox.Accepted) gateway.Status {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for {
		s, err := w.gateway.Wait(ctx, a, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		e, err := w.inbox.Get(ctx, a.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		if e.State == inbox.Sent || e.State == inbox.Dead || e.State == inbox.Ignored {
			return s
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("event %d is %s: %s", a.ID, e.State, e.Error)
		case <-time.After(time.Millisecond):
		}
	}
}

// history is everything stored in the room.
func (w *world) history() []conversation.Message {
	w.t.Helper()
	ctx := w.t.Context()
	list, _, err := w.store.List(ctx, conversation.ListOptions{})
	if err != nil || len(list) > 1 {
		w.t.Fatal(len(list), err)
	}
	if len(list) == 0 {
		return nil
	}
	messages, _, err := w.store.Messages(ctx, list[0].ID, 1000, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return messages
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// answerOr answers with err, or with what was said when there is none.
func answerOr(err error) func(context.Context, ai.Ask, func(string)) (string, error) {
	if err == nil {
		return repeating
	}
	return func(context.Context, ai.Ask, func(string)) (string, error) { return "", err }
}

// drained waits until nothing of the inbox is unanswered, or the test ends.
func (w *world) drained() {
	w.t.Helper()
	for {
		c, err := w.inbox.Count(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if c.Waiting == 0 {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-w.t.Context().Done():
			w.t.Fatal("the test has ended")
		}
	}
}
