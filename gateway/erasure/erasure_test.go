package erasure_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/erasure"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bench is an eraser with what it erases from.
type bench struct {
	db     *database.DB
	inbox  *inbox.Inbox
	store  *conversation.PersistentConversationManager
	eraser *erasure.Eraser
	start  time.Time // of the budget's period
	end    time.Time
}

const sender = "alice"

func person() memory.Person { return memory.Person{Platform: "generic", SenderID: sender} }

func newBench(t *testing.T, db *database.DB) *bench {
	t.Helper()
	store, err := conversation.New(t.Context(), db)
	must(t, err)
	b, err := inbox.New(t.Context(), inbox.Options{
		DB: db, Deliveries: outbox.Table{DB: db}, Owner: "me", Lease: time.Minute, Scope: inbox.ScopeRoom, Group: func([]inbox.Event) int { return 1 },
	})
	must(t, err)
	spent := usage.New(db)
	x := &bench{db: db, inbox: b, store: store}
	x.eraser = erasure.New(erasure.Options{
		DB: db, Inbox: b, Store: store, Usage: spent, Grace: time.Nanosecond, Poll: time.Hour, Logger: slog.New(slog.DiscardHandler),
		Period: func(time.Time) (start, end time.Time) { return x.start, x.end },
	})
	return x
}

// say has the sender say something in a chat and returns the event's number.
func (x *bench) say(t *testing.T, id, chat string) int64 {
	t.Helper()
	a, err := x.inbox.Accept(t.Context(), []platforms.Event{{
		Platform: "generic", ID: id, Kind: platforms.KindMessage, ChatType: platforms.Private,
		ChatID: chat, SenderID: sender, Text: "secret", ReplyTo: platforms.Address{ChatID: chat},
	}})
	must(t, err)
	return a[0].ID
}

// answer ends what waits.
func (x *bench) answer(t *testing.T, n int) {
	t.Helper()
	works, err := x.inbox.Claim(t.Context(), n)
	must(t, err)
	for i := range works {
		must(t, x.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return x.inbox.DoneTx(ctx, tx, &works[i], inbox.Sent, "", "")
		}))
	}
}

func (x *bench) erase(t *testing.T, event int64) {
	t.Helper()
	must(t, x.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		return x.eraser.EraseTx(ctx, tx, []memory.Person{person()}, event)
	}))
}

// erased reports whether nothing is left that says who sent an event.
func (x *bench) erased(t *testing.T, event int64) bool {
	t.Helper()
	e, err := x.inbox.Get(t.Context(), event)
	must(t, err)
	if e.Event.SenderID != "" {
		return false
	}
	if e.Event.Text != "" || e.ConversationID != 0 || e.DeliveryID != 0 {
		t.Errorf("half erased: %+v", e)
	}
	return true
}

func (x *bench) rows(t *testing.T) (n int) {
	t.Helper()
	must(t, x.db.Read().NewRaw("SELECT COUNT(*) FROM erasures").Scan(t.Context(), &n))
	return n
}

// The event that asks is erased once it is answered, and not while others of
// the same person, which would leave new traces, still wait.
func TestWaitsForAnswers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		other := x.say(t, "1", "another chat")
		ask := x.say(t, "2", "chat")
		x.erase(t, ask)
		for _, step := range []struct {
			name   string
			erased bool
		}{{"both wait", false}, {"one waits", false}, {"none waits", true}} {
			must(t, x.eraser.Run(t.Context()))
			if x.erased(t, ask) != step.erased || x.erased(t, other) != step.erased {
				t.Errorf("%s: erased is not %v", step.name, step.erased)
			}
			x.answer(t, 1)
		}
		later := x.say(t, "3", "chat")
		must(t, x.eraser.Run(t.Context()))
		if x.erased(t, later) {
			t.Error("what came later is erased, too")
		}
	})
}

// Token counts stay, under a hash, until the budget's period ends.
func TestTokenCountsStayForTheirPeriod(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		now := db.Now()
		x.start, x.end = now.Add(-time.Hour), now.Add(time.Hour)
		key := conversation.Key{UserKey: "generic:private:alice", Platform: "generic", ChatID: "chat"}
		c, err := x.store.GetOrCreate(t.Context(), key)
		must(t, err)
		for _, at := range []time.Time{now.Add(-2 * time.Hour), now.Add(-time.Minute)} {
			_, err := x.store.SaveMessage(t.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Content: "x", Tokens: 5, Timestamp: at})
			must(t, err)
			must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
				return x.eraser.Usage.SpendTx(ctx, tx, at, 5, person(), "chat")
			}))
		}
		ask := x.say(t, "1", "chat")
		x.erase(t, ask)
		if _, err := x.store.Find(t.Context(), key); err == nil {
			t.Error("the conversation is still seen")
		}
		x.answer(t, 1)
		run := func(tokens int64, rows int) {
			t.Helper()
			must(t, x.eraser.Run(t.Context()))
			must(t, x.eraser.Run(t.Context()))
			used, err := x.store.TokensUsed(t.Context(), key.UserKey, time.Unix(0, 0))
			if n := x.rows(t); err != nil || used != tokens || n != rows {
				t.Errorf("%d tokens, %d rows, %v; want %d and %d", used, n, err, tokens, rows)
			}
			if spent, err := x.eraser.Usage.Person(t.Context(), person(), time.Unix(0, 0)); err != nil || spent != tokens {
				t.Errorf("%d tokens of the budget, %v; want %d", spent, err, tokens)
			}
		}
		run(5, 1)
		must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { // time passes
			_, err := tx.NewRaw("UPDATE erasures SET at = ?", now.UnixMicro()).Exec(ctx)
			return err
		}))
		run(0, 0)
	})
}

// In a room the person's messages go with the replies to them; what others
// said stays, and the counters are right.
func TestRooms(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		c, err := x.store.GetOrCreate(t.Context(), conversation.Key{UserKey: "generic:group:*", Platform: "generic", ChatID: "room"})
		must(t, err)
		const alice, bob = "generic:group:alice", "generic:group:bob"
		for _, m := range []struct{ author, text string }{
			{bob, "b1"}, {"", "to b1"}, {alice, "a1"}, {alice, "a2"}, {"", "to a"}, {bob, "b2"}, {"", "to b2"}, {alice, "a3"},
		} {
			role := conversation.RoleUser
			if m.author == "" {
				role = conversation.RoleAssistant
			}
			_, err := x.store.SaveMessage(t.Context(), c.ID, conversation.Message{Role: role, Author: m.author, Content: m.text, Tokens: 1})
			must(t, err)
		}
		conversations, messages, err := x.eraser.Footprint(t.Context(), person())
		if err != nil || conversations != 0 || messages != 3 {
			t.Errorf("footprint %d, %d, %v", conversations, messages, err)
		}
		ask := x.say(t, "1", "chat")
		x.erase(t, ask)
		x.answer(t, 1)
		must(t, x.eraser.Run(t.Context()))
		left, _, err := x.store.Messages(t.Context(), c.ID, 100, "")
		must(t, err)
		var texts []string
		for _, m := range left {
			texts = append(texts, m.Content)
		}
		got, err := x.store.Get(t.Context(), c.ID)
		if err != nil || got.MessageCount != 4 || got.TotalTokens != 4 || len(texts) != 4 || texts[2] != "b2" {
			t.Errorf("left %v, %+v, %v", texts, got, err)
		}
	})
}

// "yes" counts for ten minutes after it was said what would go, once, and for
// the one who was told.
func TestAsked(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		at := db.Now()
		must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return x.eraser.AskTx(ctx, tx, person(), at)
		}))
		asked := func(p memory.Person, since time.Time, want bool) {
			t.Helper()
			if got, err := x.eraser.Asked(t.Context(), p, since); err != nil || got != want {
				t.Errorf("%v since %s: %v, %v", p, since, got, err)
			}
		}
		asked(person(), at, true)
		asked(person(), at.Add(time.Microsecond), false)
		asked(memory.Person{Platform: "generic", SenderID: "bob"}, at, false)
		x.erase(t, x.say(t, "1", "chat"))
		asked(person(), at, false)
	})
}

// Start and Stop may be called twice and in any order.
func TestStartAndStop(t *testing.T) {
	t.Parallel()
	x := newBench(t, dbtest.New(t))
	x.eraser.Start(t.Context())
	x.eraser.Start(t.Context())
	x.eraser.Stop()
	x.eraser.Stop()
	y := newBench(t, dbtest.New(t))
	y.eraser.Stop()
	y.eraser.Start(t.Context())
}
