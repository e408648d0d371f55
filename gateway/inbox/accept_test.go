package inbox_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// Twins that arrive together, in one webhook, in one commit or on several
// replicas, are one event: one of them is new, and all get its id.
func TestTwinsTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		replicas := []*inbox.Inbox{open(t, db, "a", time.Minute), open(t, db, "b", time.Minute)}
		const each, copies = 20, 6
		var mu sync.Mutex
		ids, fresh := map[string]map[int64]bool{}, map[string]int{}
		note := func(key string, a inbox.Accepted) {
			mu.Lock()
			defer mu.Unlock()
			if ids[key] == nil {
				ids[key] = map[int64]bool{}
			}
			ids[key][a.ID] = true
			if !a.Duplicate {
				fresh[key]++
			}
		}
		var wg sync.WaitGroup
		for c := range copies {
			wg.Go(func() {
				for i := range each {
					plain, mention := event(fmt.Sprint("plain", i), fmt.Sprint("u", i%3)), event(fmt.Sprint("mention", i, "-", c), "bob")
					mention.MessageKey = fmt.Sprint("C1:", i) // one message under several event ids
					a, err := replicas[c%2].Accept(t.Context(), []platforms.Event{plain, mention, plain})
					if err != nil {
						t.Error(err)
						return
					}
					note(plain.ID, a[0])
					note(plain.ID, a[2])
					note(mention.MessageKey, a[1])
				}
			})
		}
		wg.Wait()
		if len(ids) != 2*each {
			t.Fatalf("%d events, want %d", len(ids), 2*each)
		}
		for key := range ids {
			if len(ids[key]) != 1 || fresh[key] != 1 || ids[key][0] {
				t.Errorf("%s: ids %v, %d of them new; want one", key, ids[key], fresh[key])
			}
		}
		if n, err := replicas[0].Depth(t.Context()); n != 2*each || err != nil {
			t.Errorf("%d events wait (%v), want %d", n, err, 2*each)
		}
	})
}

// A lane's events are found in their order wherever in a long queue they stand.
func TestLaneInALongQueue(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		for i := range 7 {
			accept(t, b, event(fmt.Sprint("rare", i), "rare"))
			crowd := make([]platforms.Event, 700)
			for n := range crowd {
				crowd[n] = event(fmt.Sprint("crowd", i, "-", n), "crowd")
			}
			accept(t, b, crowd...)
		}
		rare, crowd := 0, 0
		for range 9 {
			for _, w := range claim(t, b, 2) {
				want := fmt.Sprint("rare", rare)
				if w.Events[0].Event.SenderID == "crowd" {
					want = fmt.Sprint("crowd0-", crowd)
					crowd++
				} else {
					rare++
				}
				if w.Events[0].Event.ID != want {
					t.Fatalf("got %s, want %s", w.Events[0].Event.ID, want)
				}
				if err := done(t.Context(), b, &w); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rare != 7 || crowd != 9 {
			t.Errorf("answered %d of 7 and %d of 9", rare, crowd)
		}
	})
}
