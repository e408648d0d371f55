package turn_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

type assistant func() (ai.Response, error)

func (a assistant) Reply(context.Context, ai.Ask, func(string)) (ai.Response, error) { return a() }

// chat is a platform that shows what it is sent.
type chat struct{ shown []string }

func (c *chat) Split(reply string) []string { return []string{reply} }

func (c *chat) Send(_ context.Context, _ platforms.Address, p platforms.Part) (string, error) {
	c.shown = append(c.shown, p.Text)
	return "id", nil
}

func (c *chat) Find(context.Context, platforms.Address, platforms.Part, time.Time) (platforms.Finding, string, error) {
	return platforms.Missing, "", nil
}

type deaf struct{}

func (deaf) Begin(context.Context) {}
func (deaf) Delta(string)          {}
func (deaf) Stop() string          { return "" }

// Whatever makes every attempt fail, the chat is told once, the event is dead
// with its reason, and what the person said is kept.
func TestGivingUpIsVisible(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]assistant{
		"unexpected error": func() (ai.Response, error) { return ai.Response{}, errors.New("secret internals") },
		"panic":            func() (ai.Response, error) { panic("secret internals") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := dbtest.New(t), &chat{}
			b, r, store := build(t, db, c, fail)
			a, err := b.Accept(t.Context(), []platforms.Event{{
				Platform: "chat", ID: "e1", Kind: platforms.KindMessage, ChatType: platforms.Private,
				ChatID: "c", SenderID: "alice", Text: "hi", ReplyTo: platforms.Address{ChatID: "c"},
			}})
			if err != nil {
				t.Fatal(err)
			}
			for attempt := range 2 {
				works, err := b.Claim(t.Context(), 1)
				for err == nil && len(works) == 0 { // the wait of a millisecond
					works, err = b.Claim(t.Context(), 1)
				}
				if err != nil {
					t.Fatal(attempt, err)
				}
				r.Run(t.Context(), &works[0])
			}
			e, err := b.Get(t.Context(), a[0].ID)
			if err != nil || e.State != inbox.Dead || !strings.Contains(e.Error, "secret internals") {
				t.Errorf("%s %q, %v", e.State, e.Error, err)
			}
			if len(c.shown) != 1 || c.shown[0] == "" || strings.Contains(c.shown[0], "secret") {
				t.Errorf("the chat was told %q", c.shown)
			}
			if s, err := store.Stats(t.Context()); err != nil || s.TotalMessages != 1 {
				t.Errorf("%+v, %v; the question must be kept, once", s, err)
			}
		})
	}
}

func build(tb testing.TB, db *database.DB, c platforms.Sender, a assistant, changes ...func(*turn.Options)) (*inbox.Inbox, *turn.Runner, *conversation.PersistentConversationManager) {
	tb.Helper()
	store, err := conversation.New(tb.Context(), db)
	must(tb, err)
	people := memory.New(db)
	ledger := usage.New(db)
	registry := commands.New(commands.Options{Prefix: "/", Store: store, Memory: people})
	b, err := inbox.New(tb.Context(), inbox.Options{
		Ledger: inbox.NewLedger(db, outbox.Table{DB: db}, turn.Table{DB: db}), Owner: "me", Lease: time.Minute, Scope: inbox.ScopeThread,
		Group: turn.Group(turn.BusyCoalesce, turn.IsCommand("/")),
	})
	must(tb, err)
	m, log := metrics.New(), slog.New(slog.DiscardHandler)
	o := turn.Options{
		DB: db, Inbox: b, Store: store, Memory: people, Usage: ledger, Commands: registry, Profile: profile.New(profile.Options{}), Assistant: a,
		Outbox:  outbox.New(db, outbox.Options{Sender: func(string) platforms.Sender { return c }, Metrics: m, Logger: log}),
		Counter: ai.NewCounter(), Audience: func(*inbox.Work) turn.Audience { return deaf{} }, Changed: func([]int64) {}, Metrics: m, Logger: log,
		Prefix: "/", Scope: inbox.ScopeThread, MaxAttempts: 2, Backoff: time.Millisecond, MaxBackoff: time.Millisecond,
	}
	for _, change := range changes {
		change(&o)
	}
	return b, turn.New(o), store
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
