package usage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

// A call belongs to the day that it was made on by UTC, wherever the clock stands
// that says so. The newest day comes first, and what is trimmed is older than a day.
func TestDays(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		if days, err := l.Since(t.Context(), time.Unix(0, 0)); err != nil || days == nil || len(days) != 0 {
			t.Errorf("nothing was counted: %v, %v", days, err)
		}
		midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		east := time.FixedZone("east", 9*60*60)
		for at, model := range map[time.Time]string{
			midnight.Add(-time.Microsecond):              "b",
			midnight.Add(-time.Hour).In(east):            "a", // there it is the next day already
			midnight:                                     "b",
			midnight.Add(23 * time.Hour).In(time.UTC):    "b",
			midnight.Add(24*time.Hour - 1).In(east):      "a",
			midnight.Add(24 * time.Hour).In(east):        "a",
			midnight.AddDate(-1, 0, 0):                   "a",
			midnight.AddDate(-1, 0, 0).Add(-time.Second): "a",
		} {
			write(t, db, func(ctx context.Context, tx database.Tx) error {
				who := memory.Person{Platform: "slack", SenderID: at.String()}
				return l.AddTx(ctx, tx, at, &ai.Response{Model: model, Usage: ai.Usage{PromptTokens: 3, CompletionTokens: 1}}, who)
			})
		}
		days := func(from time.Time) (list []string) {
			t.Helper()
			all, err := l.Since(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range all {
				list = append(list, fmt.Sprint(d.Day, " ", d.Model, " ", d.Calls, " ", d.PromptTokens, "+", d.CompletionTokens))
			}
			return list
		}
		february := []string{"2026-02-28 a 1 3+1", "2026-02-28 b 1 3+1"}
		march := []string{"2026-03-02 a 1 3+1", "2026-03-01 a 1 3+1", "2026-03-01 b 2 6+2"}
		for from, want := range map[time.Time][]string{
			midnight.Add(5 * time.Hour):        march,
			midnight.Add(-5 * time.Hour):       slices.Concat(march, february),
			midnight.AddDate(-1, 0, 0):         slices.Concat(march, february, []string{"2025-03-01 a 1 3+1"}),
			midnight.AddDate(0, 0, 2):          nil,
			midnight.In(east).AddDate(0, 0, 1): march[:1],
		} {
			if got := days(from); !slices.Equal(got, want) {
				t.Errorf("since %v: %q, want %q", from, got, want)
			}
		}
		if err := l.Trim(t.Context(), midnight.Add(9*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := days(time.Unix(0, 0)); !slices.Equal(got, march) {
			t.Errorf("after the trim: %q", got)
		}
	})
}

// A turn that loses its lease counts nothing, whoever else commits at that
// moment, and the turn that is made in its place counts once.
func TestLostCommitCountsNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		today := time.Now().UTC().Truncate(24 * time.Hour)
		lost := errors.New("the lease is lost")
		var turns sync.WaitGroup
		for i := range 24 {
			turns.Go(func() {
				p := memory.Person{Tenant: "T1", Platform: "slack", SenderID: fmt.Sprint("U", i%3)}
				err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
					c := call(5, 2, nil)
					c.Model = "m"
					if err := errors.Join(l.AddTx(ctx, tx, today, c, p), l.SpendTx(ctx, tx, today, c, p, "C1")); err != nil {
						return err
					}
					if i%4 == 0 {
						return lost
					}
					return nil
				})
				if i%4 == 0 != errors.Is(err, lost) {
					t.Errorf("turn %d: %v", i, err)
				}
			})
		}
		turns.Wait()
		days, err := l.Since(t.Context(), today)
		if err != nil || len(days) != 1 || days[0].Calls != 18 || days[0].PromptTokens != 90 || days[0].CachedTokens != 36 {
			t.Errorf("by model: %+v, %v", days, err)
		}
		if n := inChat(t, db, memory.Realm{Tenant: "T1", Platform: "slack"}, "C1"); n != 90 {
			t.Errorf("in the chat: %d", n)
		}
		for i := range 3 {
			p := memory.Person{Tenant: "T1", Platform: "slack", SenderID: fmt.Sprint("U", i)}
			if n, err := l.Person(t.Context(), p, today); n != 30 || err != nil {
				t.Errorf("%s: %d, %v", p.SenderID, n, err)
			}
		}
	})
}

// A call for which nothing was reported leaves nobody a line.
func TestNothingSpent(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	l := usage.New(db)
	p := memory.Person{Platform: "slack", SenderID: "U1"}
	write(t, db, func(ctx context.Context, tx database.Tx) error {
		return l.SpendTx(ctx, tx, time.Now(), call(0, 0, nil), p, "C1")
	})
	if n, err := l.Parts()[1].Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := l.EraseCounts(t.Context(), nil, time.Now()); err != nil {
		t.Errorf("nobody is erased: %v", err)
	}
}
