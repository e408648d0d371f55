package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// On PostgreSQL one replica wakes another; on the others nothing happens. The
// database works on after a listener has gone.
func TestListenAndNotify(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, stop := context.WithCancel(t.Context())
		woken, ended := make(chan struct{}, 1000), make(chan struct{})
		go func() {
			defer close(ended)
			db.Listen(ctx, "test-wake", func() { woken <- struct{}{} })
		}()
		limit := time.After(20 * time.Second)
		for heard := db.Engine() != database.Postgres; !heard; { // until it has begun to listen
			if err := db.Notify(ctx, "test-wake"); err != nil {
				t.Fatal(err)
			}
			select {
			case <-woken:
				heard = true
			case <-limit:
				t.Fatal("nothing was heard")
			default:
			}
		}
		if err := db.Notify(ctx, "test-other"); err != nil {
			t.Error(err)
		}
		stop()
		<-ended
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
