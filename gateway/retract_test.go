package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// keyed is a message that can be taken back.
func keyed(id, text string) platforms.Event {
	e := message("chat", id, "alice", text)
	e.MessageKey = "m" + id
	return e
}

// takenBack tells that a message was taken back.
func takenBack(id string) platforms.Event {
	e := message("chat", "gone "+id, "alice", "")
	e.Retracts, e.Ignore = "m"+id, "message taken back"
	return e
}

// listening waits in a model's call until the call is ended.
func listening(asked chan<- struct{}) func(context.Context, ai.Ask, func(string)) (string, error) {
	return func(ctx context.Context, ask ai.Ask, _ func(string)) (string, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return "", failure.New(failure.Retry, "cancelled", "", ctx.Err())
	}
}

// A question that is taken back while the model thinks gets no answer, here or
// from another replica, and its call is ended (tiger-agents#61, open-swe#2753,
// CowAgent#2978).
func TestCase20_TakenBackWhileTheModelThinks(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"this replica", "another replica"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				asked := make(chan struct{}, 2)
				w := process(t, db, &model{reply: listening(asked)}, &chat{}, options{owner: "me", workers: 2})
				other := w
				if where == "another replica" {
					other = process(t, db, w.model, w.chat, options{owner: "other"})
				}
				w.start()
				a := w.accept(keyed("e1", "secret"))[0]
				<-asked
				begun := time.Now()
				other.accept(takenBack("e1"))
				w.final(a)
				if e := w.event(a); e.State != inbox.Ignored || e.Error == "" || e.Attempts != 1 || e.Failures != 0 {
					t.Errorf("%s %q after %d attempts", e.State, e.Error, e.Attempts)
				}
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("ended after %v", took)
				}
				w.model.mu.Lock()
				w.model.reply = repeating
				w.model.mu.Unlock()
				w.final(w.accept(keyed("e2", "next"))[0])
				same(t, "given", w.model.last(), []string{"u:next"})
				same(t, "stored", texts(w.history()), []string{"u:next", "a:re next"})
				if shown := w.chat.all(); len(shown) != 1 || shown[0].Text != "re next" {
					t.Errorf("shown %+v", shown)
				}
			})
		})
	}
}

// That holds while a finished reply is held back, too; and what was taken back is
// in no later prompt.
func TestCase20_TakenBackWhileTheReplyIsHeldBack(t *testing.T) {
	t.Parallel()
	w, c := timed(t, options{owner: "me"})
	w.accept(keyed("e0", "before"))
	run(t, w)
	limited := true
	w.chat.fail = func() error {
		if limited {
			return failure.Limited("chat:room", 30*time.Second, "ratelimited", "", nil)
		}
		return nil
	}
	a := w.accept(keyed("e1", "secret"))[0]
	w.pass(c, 5*time.Second)
	if e := w.event(a); e.State != inbox.Failed {
		t.Fatalf("%s %q", e.State, e.Error)
	}
	w.accept(takenBack("e1"))
	limited = false
	run(t, w)
	if e := w.event(a); e.State != inbox.Ignored {
		t.Errorf("%s %q: it is ended at once", e.State, e.Error)
	}
	w.accept(keyed("e2", "next"))
	run(t, w)
	same(t, "given", w.model.last(), []string{"u:before", "a:re before", "u:next"})
	if shown := w.chat.all(); len(shown) != 2 || shown[1].Text != "re next" {
		t.Errorf("shown %+v", shown)
	}
	w.accept(takenBack("e2")) // it is answered: nothing changes
	run(t, w)
	if got := texts(w.history()); len(got) != 4 {
		t.Errorf("stored %q", got)
	}
}

// What was to be answered together with it is answered by itself.
func TestTakenBackOutOfSeveral(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2)
	w := process(t, dbtest.New(t), &model{reply: listening(asked)}, &chat{}, options{owner: "me", workers: 2, busy: turn.BusyCoalesce})
	first := w.accept(keyed("e1", "one"), keyed("e2", "two"), keyed("e3", "three"))
	w.start()
	<-asked
	w.model.mu.Lock()
	w.model.reply = repeating
	w.model.mu.Unlock()
	w.accept(takenBack("e2"))
	for _, a := range first {
		w.final(a)
	}
	if e := w.event(first[1]); e.State != inbox.Ignored {
		t.Errorf("%s %q", e.State, e.Error)
	}
	same(t, "stored", texts(w.history()), []string{"u:one", "u:three", "a:re one+three"})
}
