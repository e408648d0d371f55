package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/failure"
)

// pass runs what is ready once a second for a while.
func (w *world) pass(c *clock, d time.Duration) {
	w.t.Helper()
	for range int(d / time.Second) {
		run(w.t, w)
		c.pass(time.Second)
	}
}

func (w *world) event(a inbox.Accepted) inbox.Event {
	w.t.Helper()
	e, err := w.inbox.Get(w.t.Context(), a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// A finished reply that its platform does not take, for a reason that nobody
// knows, uses up no attempt; every try is counted all the same.
func TestHeldBackIsNoAttempt(t *testing.T) {
	t.Parallel()
	w, c := timed(t, options{owner: "me", attempts: 2})
	refused := 0
	w.chat.fail = func() error {
		if refused++; refused <= 12 {
			return failure.New(failure.Retry, "code_2200", "", nil)
		}
		return nil
	}
	a := w.accept(said("e", "hi"))[0]
	w.pass(c, 10*time.Minute)
	if e := w.event(a); e.State != inbox.Sent || e.Failures != 0 || e.Attempts != 14 || e.Error != "" {
		t.Errorf("%s %q: %d failures in %d attempts", e.State, e.Error, e.Failures, e.Attempts)
	}
	if shown := w.chat.all(); len(shown) != 1 || len(w.model.asked) != 1 {
		t.Errorf("%d messages, %d model calls", len(shown), len(w.model.asked))
	}
}

// It is offered until gateway.give_up_after, and once more after a wait that the
// platform has named and that ends later.
func TestHeldBackIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		wait  time.Duration
		least time.Duration // from which on it is dead
		want  string
		kind  failure.Kind
	}{
		{"unknown", 0, 5 * time.Minute, "odd: ", failure.Retry},
		{"named", 7 * time.Minute, 7 * time.Minute, "odd: ", failure.Retry},
		{"in doubt", 0, 5 * time.Minute, "ambiguous: ", failure.Ambiguous},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, c := timed(t, options{owner: "me", attempts: 1, giveUp: 5 * time.Minute})
			calls := 0
			w.chat.fail = func() error {
				calls++
				return &failure.Error{Kind: tt.kind, Code: "odd", Wait: tt.wait}
			}
			a := w.accept(said("e", "hi"))[0]
			w.pass(c, tt.least)
			if e := w.event(a); e.State != inbox.Failed {
				t.Fatalf("%s too soon: %q", e.State, e.Error)
			}
			w.pass(c, 90*time.Second) // a circuit is open for a minute at most
			e := w.event(a)
			if e.State != inbox.Dead || !strings.HasPrefix(e.Error, tt.want) || e.Failures != 0 {
				t.Errorf("%s %q, %d failures", e.State, e.Error, e.Failures)
			}
			if e.Attempts != int64(calls)+1 || tt.wait > 0 && calls != 2 {
				t.Errorf("%d attempts, %d sends", e.Attempts, calls)
			}
		})
	}
}
