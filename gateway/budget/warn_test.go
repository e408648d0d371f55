package budget_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/metrics"
)

// use has a payer use tokens.
func use(t *testing.T, db *database.DB, l *budget.Ledger, p budget.Payer, tokens int64) {
	t.Helper()
	id, _, err := l.Reserve(t.Context(), p, 1, 1)
	must(t, err)
	settle(t, db, l, id, tokens)
}

// Each percentage is warned of once in a period, however many replicas look at once.
func TestWarnings(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := budget.New(db, budget.Limits{Person: 1010, Chat: 10_000}, time.Minute)
		// 808 of 1010 are 80 %, 959.5 are 95 %.
		for _, step := range []struct {
			tokens int64
			want   string
		}{{807, ""}, {1, "user 80"}, {151, ""}, {1, "user 95"}, {20, ""}} {
			use(t, db, l, alice, step.tokens)
			if got := told(t, l); got != step.want {
				t.Errorf("after %d more: %q, want %q", step.tokens, got, step.want)
			}
		}
		for i := range 9 { // the chat has 980 of others, and all at once the rest
			bob := alice
			bob.Person.SenderID = fmt.Sprint("B", i)
			use(t, db, l, bob, 969)
		}
		if got := told(t, l); strings.Count(got, "user 95") != 9 || !strings.HasSuffix(got, "chat 95") {
			t.Errorf("all at once: %q", got)
		}
	})
}

// told has six replicas look at once, and returns what they warn of together.
func told(t *testing.T, l *budget.Ledger) string {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	var users, chats []string
	for range 6 {
		all.Go(func() {
			list, err := l.Warn(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range list {
				line := fmt.Sprint(list[i].Scope, " ", list[i].Warning())
				if list[i].Scope == budget.Chat {
					chats = append(chats, line)
				} else {
					users = append(users, line)
				}
			}
		})
	}
	all.Wait()
	return strings.Join(append(users, chats...), ", ")
}

// A warning stands in the log and in the metrics, which also have the sums.
func TestWatch(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	l := budget.New(db, budget.Limits{Person: 1000}, time.Minute)
	use(t, db, l, alice, 850)
	_, _, err := l.Reserve(t.Context(), alice, 50, 50)
	must(t, err)
	var text bytes.Buffer
	log, m := slog.New(slog.NewTextHandler(&text, nil)), metrics.New()
	for range 2 {
		must(t, l.Look(t.Context(), m, log))
	}
	if got := text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="a budget is nearly used up" scope=user id=slack/T1/user:U1 percent=80 used=850 limit=1000 resets_at=`) {
		t.Error(got)
	}
	for want, got := range map[float64]float64{
		1: testutil.ToFloat64(m.BudgetWarnings.WithLabelValues("user", "80")), 850: testutil.ToFloat64(m.BudgetTokens.WithLabelValues("user", "used")),
		100: testutil.ToFloat64(m.BudgetTokens.WithLabelValues("user", "reserved")),
	} {
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
