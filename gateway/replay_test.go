package gateway_test

import (
	"slices"
	"testing"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
)

// Replaying one of several events that one reply answers covers them all,
// whether the reply was made and not shown, or is to be made anew.
func TestReplayCoversAllThatWereAnsweredTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for name, c := range map[string]struct {
			send, call error
			shown      int // messages in the chat in the end
		}{
			"reply not shown": {send: failure.New(failure.Permanent, "is_archived", "", nil), shown: 1},
			"no reply":        {call: failure.New(failure.Permanent, "model_not_found", "", nil), shown: 2}, // the apology first
		} {
			w := process(t, db, &model{}, &chat{}, options{busy: turn.BusyCoalesce, owner: "of " + name})
			w.chat.fail = func() error { return c.send }
			w.model.reply = answerOr(c.call)
			one, two := said("one "+name, "one"), said("two "+name, "two")
			one.ChatID, two.ChatID = name, name
			two.ReplyTo = one.ReplyTo
			a := w.accept(one, two)
			run(t, w)
			for _, a := range a {
				if e, err := w.inbox.Get(t.Context(), a.ID); err != nil || e.State != inbox.Dead {
					t.Fatalf("%s: %s is %s, %v", name, a.EventID, e.State, err)
				}
			}
			w.chat.fail, w.model.reply = nil, repeating
			if err := w.inbox.Replay(t.Context(), a[1].ID); err != nil {
				t.Fatal(err)
			}
			run(t, w)
			for _, a := range a {
				if e, err := w.inbox.Get(t.Context(), a.ID); err != nil || e.State != inbox.Sent || e.DeliveryID == 0 {
					t.Errorf("%s: %s is %s with delivery %d, %v", name, a.EventID, e.State, e.DeliveryID, err)
				}
			}
			shown := w.chat.all()
			for i := range shown { // by a key that it knows a platform takes one for the other
				if slices.ContainsFunc(shown[:i], func(s sent) bool { return s.Key == shown[i].Key }) {
					t.Errorf("%s: two messages have the key %s", name, shown[i].Key)
				}
			}
			if len(shown) != c.shown || shown[len(shown)-1].Text != "re one+two" {
				t.Errorf("%s: shown %+v", name, shown)
			}
		}
	})
}

// run works until nothing is ready.
func run(t *testing.T, w *world) {
	t.Helper()
	for {
		works, err := w.inbox.Claim(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(works) == 0 {
			return
		}
		for i := range works {
			w.Run(t.Context(), &works[i])
		}
	}
}
