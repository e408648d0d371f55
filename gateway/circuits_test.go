package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/migrations"
)

// clock is a world's time.
type clock struct{ micros atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMicro(c.micros.Load()) }
func (c *clock) pass(d time.Duration) { c.micros.Add(d.Microseconds()) }

// timed is a world whose time passes only when it is told to.
func timed(t *testing.T, o options) (*world, *clock) {
	t.Helper()
	c := &clock{}
	c.pass(time.Duration(time.Now().UnixNano()))
	db, err := database.Open(t.Context(), database.Options{URL: "sqlite:///:memory:", Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := migrations.Up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	o.now = c.now
	return process(t, db, &model{reply: repeating}, &chat{}, o), c
}

// While a platform does not answer, work waits instead of using up its
// attempts; one send finds out that it is back, and then everything is shown.
func TestWorkIsNotBurntOnAPlatformThatIsDown(t *testing.T) {
	t.Parallel()
	w, c := timed(t, options{owner: "me"})
	calls := 0
	w.chat.fail = func() error { calls++; return failure.New(failure.Ambiguous, "http_500", "", nil) }
	var accepted []inbox.Accepted
	for i := range 20 {
		accepted = append(accepted, w.accept(said(fmt.Sprint("e", i), fmt.Sprint(i)))...)
	}
	for range 120 { // two minutes
		run(t, w)
		c.pass(time.Second)
	}
	if calls > 15 {
		t.Errorf("%d calls to a platform that is down", calls)
	}
	h, err := w.gateway.Health(t.Context())
	if err != nil || h.Circuits["chat"] != breaker.Open && h.Circuits["chat"] != breaker.HalfOpen || h.Events.Failed == 0 {
		t.Errorf("%+v, %v", h, err)
	}
	w.chat.fail = nil
	for range 180 {
		run(t, w)
		c.pass(time.Second)
	}
	for _, a := range accepted {
		if e, err := w.inbox.Get(t.Context(), a.ID); err != nil || e.State != inbox.Sent {
			t.Errorf("%s is %s: %s, %v", a.EventID, e.State, e.Error, err)
		}
	}
	if n := len(w.chat.all()); n != len(accepted) {
		t.Errorf("%d messages", n)
	}
}

// A wait that the platform names holds for every conversation there.
func TestNamedWaitHoldsForThePlatform(t *testing.T) {
	t.Parallel()
	w, c := timed(t, options{owner: "me"})
	calls := 0
	w.chat.fail = func() error {
		if calls++; calls == 1 {
			return failure.RetryAfter(30*time.Second, "ratelimited", "", nil)
		}
		return nil
	}
	for i := range 5 {
		w.accept(said(fmt.Sprint("e", i), "hi"))
	}
	for range 29 {
		run(t, w)
		c.pass(time.Second)
	}
	if calls != 1 {
		t.Errorf("%d calls within the wait", calls)
	}
	for range 15 {
		run(t, w)
		c.pass(time.Second)
	}
	if n := len(w.chat.all()); n != 5 {
		t.Errorf("%d messages after it", n)
	}
}

// A call that was not made is no attempt, but nobody waits for ever without a
// word.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	w, c := timed(t, options{owner: "me", patience: time.Minute})
	refusal := failure.RetryAfter(5*time.Second, breaker.Code, "", breaker.ErrOpen)
	w.model.reply = func(context.Context, ai.Ask, func(string)) (string, error) { return "", refusal }
	a := w.accept(said("e", "hi"))[0]
	for range 60 {
		run(t, w)
		c.pass(time.Second)
	}
	e, err := w.inbox.Get(t.Context(), a.ID)
	if err != nil || e.State != inbox.Failed || e.Attempts != 0 {
		t.Fatalf("within a minute: %s after %d attempts, %v", e.State, e.Attempts, err)
	}
	for range 60 {
		run(t, w)
		c.pass(time.Second)
	}
	e, err = w.inbox.Get(t.Context(), a.ID)
	if err != nil || e.State != inbox.Dead || !strings.HasPrefix(e.Error, breaker.Code+": ") {
		t.Errorf("after two minutes: %s %q, %v", e.State, e.Error, err)
	}
	if shown := w.chat.all(); len(shown) != 1 || !strings.Contains(shown[0].Text, "unreachable") {
		t.Errorf("the chat was told %+v", shown)
	}
}
