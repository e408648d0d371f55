package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// held is a model that answers once it is released, or not at all.
func held(begun chan<- struct{}, release <-chan struct{}) *model {
	return &model{reply: func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
		begun <- struct{}{}
		select {
		case <-release:
			return repeating(ctx, ask, onDelta)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}}
}

// A stop lets what is running finish within the grace.
func TestStopFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 1), make(chan struct{})
	w := process(t, dbtest.New(t), held(begun, release), &chat{}, options{owner: "me", grace: time.Minute})
	w.start()
	running := w.accept(said("e1", "one"))[0]
	<-begun
	stopped := make(chan struct{})
	go func() {
		w.gateway.Stop()
		close(stopped)
	}()
	late := w.accept(said("e2", "two"))[0] // accepted, and left to the next process
	close(release)
	<-stopped
	for a, want := range map[inbox.Accepted]inbox.State{running: inbox.Sent, late: inbox.Received} {
		if e, err := w.inbox.Get(t.Context(), a.ID); err != nil || (e.State != want && a == running) {
			t.Errorf("%s is %s, %v; want %s", a.EventID, e.State, err, want)
		}
	}
}

// What does not finish within the grace is handed back: that is no attempt and
// no death, and the next process answers it as if nothing had happened.
func TestStopHandsBackAfterTheGrace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		begun := make(chan struct{}, 1)
		w := process(t, db, held(begun, nil), &chat{}, options{owner: "me", grace: time.Millisecond})
		w.start()
		a := w.accept(said("e1", "one"))[0]
		<-begun
		w.gateway.Stop()
		w.gateway.Stop() // a second time does nothing
		if e, err := w.inbox.Get(t.Context(), a.ID); err != nil || e.State != inbox.Received || e.Attempts != 0 {
			t.Fatalf("%+v, %v", e, err)
		}
		if ready, err := w.inbox.Ready(t.Context()); !ready[inbox.Normal] || ready[inbox.Quarantine] || err != nil {
			t.Errorf("after a graceful stop there waits, by isolation, %v (%v)", ready, err)
		}
		next := process(t, db, &model{reply: repeating}, w.chat, options{owner: "next"})
		next.start()
		if s := next.final(a); s.Reply == nil || s.Reply.Text != "re one" {
			t.Errorf("%+v", s)
		}
		if n := len(w.chat.all()); n != 1 {
			t.Errorf("shown %d times", n)
		}
	})
}

// A process takes up what another one left in every state, while the platform
// repeats all of it and people go on writing: each message is answered once.
func TestCase5StartBesideFreshInput(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		const rooms = 8
		c := &chat{}
		dead := process(t, db, &model{reply: repeating}, c, options{owner: "dead"})
		for i := range rooms {
			dead.accept(said(fmt.Sprint("old", i), fmt.Sprintf("old%d.", i)))
		}
		works, err := dead.inbox.Claim(t.Context(), rooms/2) // half of them were running
		if err != nil || len(works) != rooms/2 {
			t.Fatal(len(works), err)
		}
		dead.Run(t.Context(), &works[0]) // one was answered, one was shown and not confirmed
		c.lose = true
		dead.Run(t.Context(), &works[1])
		c.lose = false

		w := process(t, db, &model{reply: repeating}, c, options{owner: "alive", workers: 8})
		if err := w.inbox.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all []inbox.Accepted
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range rooms {
			wg.Go(func() {
				fresh := said(fmt.Sprint("new", i), fmt.Sprintf("new%d.", i))
				fresh.ChatID, fresh.ReplyTo.ChatID = fmt.Sprint("room of old", i), fmt.Sprint("room of old", i)
				for range 3 { // the platform repeats itself
					a := w.accept(said(fmt.Sprint("old", i), fmt.Sprintf("old%d.", i)), fresh)
					mu.Lock()
					all = append(all, a...)
					mu.Unlock()
				}
			})
		}
		w.start()
		wg.Wait()
		for _, a := range all {
			if s := w.final(a); s.Reply == nil {
				t.Errorf("%s: %+v", a.EventID, s)
			}
		}
		var shown strings.Builder
		for _, s := range c.all() {
			shown.WriteString(s.Text + "\n")
		}
		for i := range rooms {
			for _, text := range []string{fmt.Sprintf("old%d.", i), fmt.Sprintf("new%d.", i)} {
				if n := strings.Count(shown.String(), text); n != 1 {
					t.Errorf("%s was answered %d times", text, n)
				}
			}
		}
	})
}
