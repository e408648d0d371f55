package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// A replica whose workers are all busy calls the others, where the database
// can pass it on; one with a free worker does not.
func TestABusyReplicaCallsTheOthers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		if db.Engine() != database.Postgres {
			return // nothing to pass it on with; polling finds the work
		}
		heard := make(chan struct{}, 100)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		listening := make(chan struct{})
		go func() {
			db.Listen(ctx, "parley_work", func() { heard <- struct{}{} })
			close(listening)
		}()
		begun, release := make(chan struct{}, 2), make(chan struct{})
		w := process(t, db, held(begun, release), &chat{}, options{owner: "me", workers: 1, grace: time.Minute})
		w.start()
		for listens := false; !listens; {
			if err := db.Notify(ctx, "parley_work"); err != nil {
				t.Fatal(err)
			}
			listens = within(heard, 100*time.Millisecond)
		}
		for within(heard, 100*time.Millisecond) { // our own calls
		}
		w.accept(said("e1", "one"))
		<-begun
		if within(heard, 100*time.Millisecond) {
			t.Error("called for work that it took itself")
		}
		w.accept(said("e2", "two"))
		if !within(heard, 20*time.Second) {
			t.Error("nobody was called")
		}
		close(release)
		stop()
		<-listening
	})
}

func within(c <-chan struct{}, limit time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(limit):
		return false
	}
}
