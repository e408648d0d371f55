package signs_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway/signs"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// chat is a platform whose signs can be looked at.
type chat struct {
	platforms.Sender
	lasts time.Duration

	mu      sync.Mutex
	signs   map[string]string // words by message
	calls   int
	refuses bool
	changed chan struct{} // gets a token with each call that shows a sign
}

func newChat() *chat { return &chat{signs: map[string]string{}, changed: make(chan struct{}, 100)} }

func (c *chat) Sign(_ context.Context, to platforms.Address, words string) (string, time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.signs[to.MessageID] = words
	c.changed <- struct{}{}
	return "sign of " + to.MessageID, c.lasts, nil
}

func (c *chat) Unsign(_ context.Context, to platforms.Address, sign string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses {
		return errors.New("not now")
	}
	if sign == "" || sign == "sign of "+to.MessageID {
		delete(c.signs, to.MessageID)
	}
	return nil
}

func (c *chat) seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.signs)
}

func open(t *testing.T, db *database.DB, c *chat, active ...int64) *signs.Signs {
	t.Helper()
	return signs.New(signs.Options{
		DB: db, Sender: func(string) platforms.Sender { return c },
		Ended: func(_ context.Context, ids []int64) ([]int64, error) {
			return slices.DeleteFunc(ids, func(id int64) bool { return slices.Contains(active, id) }), nil
		},
		Words:  func(context.Context, *platforms.Event) string { return "is thinking…" },
		Logger: slog.New(slog.DiscardHandler),
	})
}

func event(message string) *platforms.Event {
	return &platforms.Event{Platform: "chat", ReplyTo: platforms.Address{
		ChatID: "C1", MessageID: message, Extra: map[string]string{"response_url": "https://hooks.slack.com/secret"},
	}}
}

func rows(t *testing.T, db *database.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), db.Read(), []any{&n}, "SELECT COUNT(*) FROM signs"); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSignGoesWithTheReply(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		c := newChat()
		end := open(t, db, c).Begin(t.Context(), 7, event("m1"), true)
		<-c.changed
		if c.seen() != 1 || c.signs["m1"] != "is thinking…" || rows(t, db) != 1 {
			t.Errorf("signs %v, %d rows", c.signs, rows(t, db))
		}
		end()
		if c.seen() != 0 || rows(t, db) != 0 {
			t.Errorf("behind the reply: signs %v, %d rows", c.signs, rows(t, db))
		}
	})
}

// What is answered at once needs no sign.
func TestQuickReplyHasNoSign(t *testing.T) {
	t.Parallel()
	c := newChat()
	db := dbtest.New(t)
	open(t, db, c).Begin(t.Context(), 7, event("m1"), true)()
	if c.calls != 0 || rows(t, db) != 0 {
		t.Errorf("%d calls", c.calls)
	}
}

func TestSignIsRenewed(t *testing.T) {
	t.Parallel()
	c := newChat()
	c.lasts = 20 * time.Millisecond
	end := open(t, dbtest.New(t), c).Begin(t.Context(), 7, event("m1"), true)
	for range 3 {
		<-c.changed
	}
	end()
	if c.seen() != 0 {
		t.Error("a sign is left")
	}
}

// A process that dies leaves a sign and its row. Whoever answers the event
// takes it over; what has ended is swept.
func TestSignAfterACrash(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		c := newChat()
		dead := open(t, db, c)
		_ = dead.Begin(t.Context(), 7, event("m1"), true) // never ended
		_ = dead.Begin(t.Context(), 8, event("m2"), true)
		<-c.changed
		<-c.changed
		next := open(t, db, c, 7)
		if err := next.Sweep(t.Context()); err != nil || c.seen() != 1 || rows(t, db) != 1 {
			t.Errorf("swept: signs %v, %d rows, %v", c.signs, rows(t, db), err)
		}
		end := next.Begin(t.Context(), 7, event("m1"), true)
		<-c.changed
		end()
		if c.seen() != 0 || rows(t, db) != 0 {
			t.Errorf("taken over: signs %v, %d rows", c.signs, rows(t, db))
		}
	})
}

// Whoever answers the event too fast for a sign of its own takes that away too.
func TestQuickReplyAfterACrash(t *testing.T) {
	t.Parallel()
	c, db := newChat(), dbtest.New(t)
	_ = open(t, db, c).Begin(t.Context(), 7, event("m1"), true) // never ended
	<-c.changed
	open(t, db, c).Begin(t.Context(), 7, event("m1"), false)()
	if c.seen() != 0 || rows(t, db) != 0 {
		t.Errorf("signs %v, %d rows", c.signs, rows(t, db))
	}
}

// A process that was frozen, and wakes up when another one has answered, renews
// nothing.
func TestSignIsNotRenewedBehindTheReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, db := newChat(), dbtest.New(t)
		c.lasts = time.Minute
		end := open(t, db, c).Begin(t.Context(), 7, event("m1"), true)
		<-c.changed
		if err := open(t, db, c).Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if c.seen() != 0 {
			t.Errorf("signs %v", c.signs)
		}
		end()
	})
}

func TestSignThatStaysIsTriedAgain(t *testing.T) {
	t.Parallel()
	c, db := newChat(), dbtest.New(t)
	s := open(t, db, c)
	end := s.Begin(t.Context(), 7, event("m1"), true)
	<-c.changed
	c.refuses = true
	end()
	if err := s.Sweep(t.Context()); err != nil || c.seen() != 1 || rows(t, db) != 1 {
		t.Errorf("refused: %d signs, %d rows, %v", c.seen(), rows(t, db), err)
	}
	c.refuses = false
	if err := s.Sweep(t.Context()); err != nil || c.seen() != 0 || rows(t, db) != 0 {
		t.Errorf("swept: %d signs, %d rows, %v", c.seen(), rows(t, db), err)
	}
}

// What a row holds is no way to answer anybody.
func TestRowHoldsNoSecret(t *testing.T) {
	t.Parallel()
	c, db := newChat(), dbtest.New(t)
	end := open(t, db, c).Begin(t.Context(), 7, event("m1"), true)
	<-c.changed
	var address string
	if err := db.QueryRow(t.Context(), db.Read(), []any{&address}, "SELECT address FROM signs"); err != nil || address != `{"chat_id":"C1","message_id":"m1"}` {
		t.Errorf("%s, %v", address, err)
	}
	end()
}
