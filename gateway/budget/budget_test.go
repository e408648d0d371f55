package budget_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

var alice = budget.Payer{Person: memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}, ChatID: "C1"}

func settle(t *testing.T, db *database.DB, l *budget.Ledger, id string, tokens int64) {
	t.Helper()
	must(t, db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return l.SettleTx(ctx, tx, id, tokens) }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want compares what is used and reserved of a payer's budgets, the person's first.
func want(t *testing.T, l *budget.Ledger, p budget.Payer, when string, usedAndReserved ...int64) {
	t.Helper()
	states, err := l.Of(t.Context(), p)
	must(t, err)
	var got []int64
	for _, s := range states {
		got = append(got, s.Used, s.Reserved)
	}
	if fmt.Sprint(got) != fmt.Sprint(usedAndReserved) {
		t.Errorf("%s: %v, want %v", when, got, usedAndReserved)
	}
}

// However many calls are made at once, on however many replicas, no more of them
// begin than there is room for.
func TestNoMoreThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		url := dbtest.URL(t, engine)
		db := dbtest.Open(t, url)
		const calls, room, each = 200, 10, 1000
		pools := []*database.DB{db, db}
		if !db.OneServer() {
			pools[1] = dbtest.Open(t, url)
		}
		limits := budget.Limits{Person: room * each, Chat: 15 * each}
		var taken, refused atomic.Int64
		var all sync.WaitGroup
		for i := range calls {
			l := budget.New(pools[i%2], limits, time.Minute)
			all.Go(func() {
				id, allowed, err := l.Reserve(t.Context(), alice, 100, 900)
				if spent, ok := errors.AsType[*budget.SpentError](err); ok {
					refused.Add(1)
					if spent.Scope != budget.User || spent.Limit != room*each || !spent.Resets.After(time.Now()) {
						t.Errorf("%+v", spent)
					}
					return
				}
				if err != nil || id == "" || allowed != 900 {
					t.Errorf("%q, %d, %v", id, allowed, err)
				}
				taken.Add(1)
			})
		}
		all.Wait()
		if taken.Load() != room || refused.Load() != calls-room {
			t.Errorf("%d of %d calls were let through, %d refused", taken.Load(), calls, refused.Load())
		}
		want(t, budget.New(db, limits, 0), alice, "all reserved", 0, room*each, 0, room*each)
	}
}

func TestReserveAndSettle(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := budget.New(db, budget.Limits{Person: 10_000, Chat: 20_000}, time.Minute)
		bob := alice
		bob.Person.SenderID = "U2"
		id, allowed, err := l.Reserve(t.Context(), alice, 1000, 4096)
		if err != nil || allowed != 4096 {
			t.Fatal(allowed, err)
		}
		want(t, l, alice, "reserved", 0, 5096, 0, 5096)
		want(t, l, bob, "of the chat", 0, 0, 0, 5096)
		settle(t, db, l, id, 1200)
		settle(t, db, l, id, 1200) // a commit that is made again
		want(t, l, alice, "settled", 1200, 0, 1200, 0)

		// Where less is left the answer is shorter, and below 256 there is none.
		first, allowed, err := l.Reserve(t.Context(), alice, 8000, 4096)
		if err != nil || allowed != 800 {
			t.Errorf("allowed %d, %v; 800 are left", allowed, err)
		}
		if _, _, err := l.Reserve(t.Context(), alice, 1, 100); err == nil {
			t.Error("nothing is left, and a call is made")
		}
		want(t, l, alice, "after a refusal", 1200, 8800, 1200, 8800)
		settle(t, db, l, first, 0)
		want(t, l, alice, "released", 1200, 0, 1200, 0)
		for prompt, ok := range map[int64]bool{8800 - 256: true, 8800 - 255: false} {
			id, allowed, err := l.Reserve(t.Context(), alice, prompt, 4096)
			if (err == nil) != ok || ok && allowed != 256 {
				t.Errorf("a prompt of %d: %d, %v", prompt, allowed, err)
			}
			settle(t, db, l, id, 0)
		}

		// The chat has less left than bob, and nothing of his stays reserved.
		last, _, err := l.Reserve(t.Context(), budget.Payer{Person: memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U3"}, ChatID: "C1"}, 9000, 1000)
		must(t, err)
		settle(t, db, l, last, 18_700)
		spent, ok := errors.AsType[*budget.SpentError](second(l.Reserve(t.Context(), bob, 10, 4096)))
		if !ok || spent.Scope != budget.Chat {
			t.Errorf("%+v", spent)
		}
		want(t, l, bob, "the chat's is used up", 0, 0, 19_900, 0)
	})
}

func second(_ string, _ int64, err error) error { return err }

// What nobody settles counts as used once it has expired, and is put right should
// somebody settle it all the same.
func TestExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := budget.New(db, budget.Limits{Person: 10_000}, -time.Second)
		id, _, err := l.Reserve(t.Context(), alice, 1000, 1000)
		must(t, err)
		want(t, l, alice, "reserved", 0, 2000)
		for range 2 {
			list, err := l.List(t.Context())
			if err != nil || len(list) != 1 || list[0].ID != "slack/T1/user:U1" || list[0].Used != 2000 || list[0].Reserved != 0 || list[0].Limit != 10_000 {
				t.Errorf("%+v, %v", list, err)
			}
		}
		settle(t, db, l, id, 1500)
		want(t, l, alice, "settled late", 1500, 0)
		must(t, l.Forget(t.Context(), alice.Person))
		if list, err := l.List(t.Context()); err != nil || list[0].ID != "" || list[0].Used != 1500 {
			t.Errorf("%+v, %v", list, err)
		}
		must(t, l.Trim(t.Context()))
		want(t, l, alice, "trimmed in its period", 1500, 0)
	})
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("east", 8*3600)
	at := time.Date(2026, 1, 31, 20, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		limits     budget.Limits
		start, end string
	}{
		{budget.Limits{}, "2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z"},
		{budget.Limits{Location: zone}, "2026-02-01T00:00:00+08:00", "2026-02-02T00:00:00+08:00"},
		{budget.Limits{Monthly: true}, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{budget.Limits{Monthly: true, Location: zone}, "2026-02-01T00:00:00+08:00", "2026-03-01T00:00:00+08:00"},
	} {
		start, end := c.limits.Period(at)
		if start.Format(time.RFC3339) != c.start || end.Format(time.RFC3339) != c.end {
			t.Errorf("%+v: %s to %s, want %s to %s", c.limits, start, end, c.start, c.end)
		}
	}
}
