package database_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

var errBad = errors.New("a bad item")

// gathered is a database with a table that items go to, and the Gatherer that
// writes them. An item that begins with "bad" cannot be written.
func gathered(t *testing.T, db *database.DB) *database.Gatherer[string] {
	t.Helper()
	if _, err := db.Maintenance().ExecContext(t.Context(), "CREATE TABLE gathered (item VARCHAR(100) NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return database.NewGatherer(db, func(ctx context.Context, tx database.Tx, items []string) error {
		for _, item := range items {
			if strings.HasPrefix(item, "bad") {
				return errBad
			}
			if _, err := tx.NewRaw("INSERT INTO gathered (item) VALUES (?)", item).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func stored(t *testing.T, db *database.DB) []string {
	t.Helper()
	var items []string
	if err := db.Read().NewRaw("SELECT item FROM gathered").Scan(t.Context(), &items); err != nil {
		t.Fatal(err)
	}
	slices.Sort(items)
	return items
}

func TestGathererWritesEachOnceAndSparesNeighbours(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		g := gathered(t, db)
		var want []string
		var wg sync.WaitGroup
		for i := range 300 {
			item := fmt.Sprintf("good %03d", i)
			if i%50 == 7 {
				item = fmt.Sprintf("bad %03d", i)
			} else {
				want = append(want, item)
			}
			wg.Go(func() {
				err := g.Write(t.Context(), item)
				if bad := strings.HasPrefix(item, "bad"); bad != errors.Is(err, errBad) || !bad && err != nil {
					t.Errorf("%s: got %v", item, err)
				}
			})
		}
		wg.Wait()
		if got := stored(t, db); !slices.Equal(got, want) {
			t.Errorf("%d items are stored, want %d", len(got), len(want))
		}
	})
}

// What arrives while a transaction runs shares the next one.
func TestGathererShares(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	inside, leave := make(chan int), make(chan struct{})
	g := database.NewGatherer(db, func(_ context.Context, _ database.Tx, items []int) error {
		inside <- len(items)
		<-leave
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Write(t.Context(), 0) })
	if n := <-inside; n != 1 {
		t.Errorf("a lone caller's transaction holds %d items", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	for i := range 20 {
		ctx := t.Context()
		if i == 19 {
			ctx = gone
		}
		wg.Go(func() {
			if err := g.Write(ctx, i); err != nil && ctx != gone {
				t.Error(err)
			}
		})
	}
	for g.Waiting() < 20 { // until all have joined
		runtime.Gosched()
	}
	cancel() // its item is taken and stays with the others
	leave <- struct{}{}
	if n := <-inside; n != 20 {
		t.Errorf("the next transaction holds %d items, want 20", n)
	}
	leave <- struct{}{}
	wg.Wait()
	if err := g.Write(gone, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
}

// What is urgent is written before the ordinary work that came earlier.
func TestUrgentGoesFirst(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	urgent := database.NewGatherer(db, func(context.Context, database.Tx, []int) error {
		note("urgent")
		return nil
	})
	urgent.Urgent = true
	begun, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	write := func(fn func()) {
		wg.Go(func() {
			if err := db.Write(t.Context(), func(context.Context, database.Tx) error { fn(); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	write(func() { close(begun); <-leave })
	<-begun
	for range 50 {
		write(func() { note("ordinary") })
	}
	for db.Queued() < 50 {
		runtime.Gosched()
	}
	wg.Go(func() { _ = urgent.Write(t.Context(), 1) })
	for db.Queued() < 51 {
		runtime.Gosched()
	}
	close(leave)
	wg.Wait()
	if len(order) != 51 || order[0] != "urgent" {
		t.Errorf("%d written, %v first; want 51 and the urgent one", len(order), order[:1])
	}
}
