package erasure_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/erasure"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
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
	usage  *usage.Ledger
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
		Ledger: inbox.NewLedger(db, outbox.Table{DB: db}, turn.Table{DB: db}), Owner: "me", Lease: time.Minute, Scope: inbox.ScopeRoom, Group: func([]inbox.Event) int { return 1 },
	})
	must(t, err)
	x := &bench{db: db, inbox: b, store: store, usage: usage.New(db)}
	x.eraser = erasure.New(erasure.Options{
		DB: db, Ledger: b.Ledger, Store: store, Usage: x.usage, Grace: time.Nanosecond, Poll: time.Hour, Logger: slog.New(slog.DiscardHandler),
		ForgetTx: func(ctx context.Context, tx database.Tx, p memory.Person) error {
			return errors.Join(access.Book{DB: db}.ForgetTx(ctx, tx, p), turn.Table{DB: db}.ForgetTx(ctx, tx, p))
		},
		Forget: budget.New(db, budget.Limits{}, 0).Forget,
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
			return x.inbox.DoneTx(ctx, tx, &works[i], inbox.End{State: inbox.Sent})
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
				return x.usage.SpendTx(ctx, tx, at, &ai.Response{Usage: ai.Usage{PromptTokens: 5}}, person(), "chat")
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
			if spent, err := x.usage.Person(t.Context(), person(), time.Unix(0, 0)); err != nil || spent != tokens {
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

// A turn of somebody else that has read what goes stores it after that is gone. It is
// waited for, and what it has stored goes too.
func TestTurnThatHasReadIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		c, err := x.store.GetOrCreate(t.Context(), conversation.Key{UserKey: "generic:private:bob", Platform: "generic", ChatID: "bob's"})
		must(t, err)
		_, err = x.inbox.Accept(t.Context(), []platforms.Event{{
			Platform: "generic", ID: "0", Kind: platforms.KindMessage, ChatType: platforms.Private,
			ChatID: "bob's", SenderID: "bob", Text: "what did alice say?", ReplyTo: platforms.Address{ChatID: "bob's"},
		}})
		must(t, err)
		works, err := x.inbox.Claim(t.Context(), 1)
		must(t, err)
		ask := x.say(t, "1", "chat")
		x.erase(t, ask)
		x.answer(t, 1)
		for range 2 {
			must(t, x.eraser.Run(t.Context()))
		}
		if x.erased(t, ask) {
			t.Error("it does not wait for a turn that is on")
		}
		_, err = x.store.SaveMessage(t.Context(), c.ID, conversation.Message{
			Role: conversation.RoleUser, Content: "what did alice say?", Context: []conversation.Passage{{Text: "secret"}}, Timestamp: works[0].Events[0].ReceivedAt,
		})
		must(t, err)
		must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return x.inbox.DoneTx(ctx, tx, &works[0], inbox.End{State: inbox.Sent})
		}))
		must(t, x.eraser.Run(t.Context()))
		kept, err := database.Values[int64](t.Context(), db, db.Read(), "SELECT COUNT(*) FROM messages WHERE context_json IS NOT NULL")
		if err != nil || kept[0] != 0 || !x.erased(t, ask) {
			t.Errorf("%v contexts, %v; erased: %v", kept, err, x.erased(t, ask))
		}
	})
}

// What the person thinks of replies to others is taken out of them; what others
// think, and the rest of the metadata, stays.
func TestFeedbackGoes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		c, err := x.store.GetOrCreate(t.Context(), conversation.Key{UserKey: "generic:group:bob", Platform: "generic", ChatID: "room"})
		must(t, err)
		press := func(users ...string) {
			t.Helper()
			m, err := x.store.SaveMessage(t.Context(), c.ID, conversation.Message{
				Role: conversation.RoleAssistant, Content: "to bob", Metadata: map[string]any{"kept": "yes"},
			})
			must(t, err)
			for _, user := range users {
				must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
					found, err := x.store.FeedbackTx(ctx, tx, c.ID, m.ID, user, "up")
					if !found {
						t.Error("there is no message to think of")
					}
					return err
				}))
			}
		}
		press("generic:group:alice", "generic:group:bob")
		press("generic:group:alice")
		ask := x.say(t, "1", "chat")
		x.erase(t, ask)
		x.answer(t, 1)
		must(t, x.eraser.Run(t.Context()))
		left, _, err := x.store.Messages(t.Context(), c.ID, 100, "")
		must(t, err)
		var got []map[string]any
		for _, m := range left {
			got = append(got, m.Metadata)
		}
		want := []map[string]any{{"kept": "yes", "feedback": map[string]any{"generic:group:bob": "up"}}, {"kept": "yes"}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("left %v, want %v", got, want)
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

// Of a turn whose model used tools nothing is left, nor of what its author was asked;
// and in the steps of others' turns, which may have failed and wait, nothing that a
// tool has found of anybody's words. What they say themselves stays.
func TestStepsAndQuestionsOfTools(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		x := newBench(t, db)
		ask := x.say(t, "1", "chat")
		const others = 1_000_000
		must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			for i, step := range []struct {
				event  int64
				result string
				quotes int
			}{{ask, "secret of mine", 0}, {ask, "secret of mine", 1}, {others, "they found my secret", 1}, {others, "their own result", 0}} {
				if _, err := db.Exec(ctx, tx, `INSERT INTO turn_steps (event_id, n, kind, request, result, quotes, state, updated_at) VALUES (?, ?, 'call', '{}', ?, ?, 'done', 1)`,
					step.event, i, step.result, step.quotes); err != nil {
					return err
				}
			}
			for i, who := range []memory.Person{person(), {Platform: "generic", SenderID: "bob"}} {
				if _, err := db.Exec(ctx, tx, `INSERT INTO approvals (code, chat_key, person_key, event_id, conversation, request, state, created_at, expires_at) VALUES (?, ?, ?, ?, '{}', ?, 'waiting', 1, 1)`,
					fmt.Sprint("code", i), who.Hash(), who.Hash(), others+i, "what "+who.SenderID+" was asked"); err != nil {
					return err
				}
			}
			return nil
		}))
		x.erase(t, ask)
		x.answer(t, 1)
		must(t, x.eraser.Run(t.Context()))
		if !x.erased(t, ask) {
			t.Fatal("it is not erased")
		}
		for query, want := range map[string]string{
			`SELECT result FROM turn_steps ORDER BY n`:    "[[not kept: it quoted what others said] their own result]",
			`SELECT request FROM approvals ORDER BY code`: "[what bob was asked]",
		} {
			got, err := database.Values[string](t.Context(), db, db.Read(), query)
			if err != nil || fmt.Sprint(got) != want {
				t.Errorf("%s: %q, %v, want %s", query, got, err, want)
			}
		}
	})
}
