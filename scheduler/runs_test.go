package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

func mustClaim(t *testing.T, r runs, name string, slot time.Time, want outcome) runID {
	t.Helper()
	id, got, err := r.claim(t.Context(), name, slot)
	if err != nil || got != want {
		t.Fatalf("claim %s %v: got %d, %v; want %d", name, slot, got, err, want)
	}
	return id
}

func mustFinish(t *testing.T, r runs, id runID, result string, failed error) {
	t.Helper()
	if err := r.finish(t.Context(), id, result, failed); err != nil {
		t.Fatal(err)
	}
}

func mustLast(t *testing.T, r runs, name string) *LastRun {
	t.Helper()
	run, err := r.last(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// age makes a run's last sign of life older.
func age(t *testing.T, r runs, id runID, by time.Duration) {
	t.Helper()
	err := r.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		_, err := tx.NewRaw("UPDATE job_runs SET finished_at = finished_at - ? WHERE name = ? AND slot = ?",
			by.Microseconds(), id.name, id.slot).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var slot = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

func TestRunsOneAtATime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := runs{db: db}
		if run := mustLast(t, r, "cleanup"); run != nil {
			t.Errorf("a run before the first: %+v", run)
		}
		id := mustClaim(t, r, "cleanup", slot, claimed)
		mustClaim(t, r, "cleanup", slot, taken)
		mustClaim(t, r, "cleanup", slot.Add(time.Hour), busy)
		mustClaim(t, r, "cleanup", time.Time{}, busy)
		other := mustClaim(t, r, "vacuum", slot, claimed)
		if run := mustLast(t, r, "cleanup"); run.Status != "running" || run.FinishedAt != nil {
			t.Errorf("while it runs: %+v", run)
		}
		mustFinish(t, r, id, "7 conversations deleted", nil)
		mustFinish(t, r, other, "a\x00b\xff", errors.New(strings.Repeat("é", maxText)))
		mustClaim(t, r, "cleanup", slot, taken)

		run := mustLast(t, r, "cleanup")
		if run.Status != "ok" || run.Result != "7 conversations deleted" || run.Error != "" ||
			run.FinishedAt == nil || run.FinishedAt.Before(run.StartedAt) {
			t.Errorf("finished: %+v", run)
		}
		if run := mustLast(t, r, "vacuum"); run.Status != "failed" || run.Result != "ab" || len(run.Error) > maxText {
			t.Errorf("failed: %s %q, %d bytes of error", run.Status, run.Result, len(run.Error))
		}
		mustClaim(t, r, "cleanup", time.Time{}, claimed)
		if n, err := r.count(t.Context(), "cleanup"); n != 2 || err != nil {
			t.Errorf("%d runs, %v; want 2", n, err)
		}
	})
}

func TestRunOfADeadProcessIsWrittenOff(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := runs{db: db}
		dead := mustClaim(t, r, "backup", slot, claimed)
		age(t, r, dead, staleAfter-10*time.Second)
		mustClaim(t, r, "backup", time.Time{}, busy)
		if alive, err := r.beat(t.Context(), dead); !alive || err != nil {
			t.Fatalf("alive %v, %v", alive, err)
		}
		age(t, r, dead, staleAfter-10*time.Second)
		mustClaim(t, r, "backup", time.Time{}, busy) // the beat made it young again
		age(t, r, dead, 20*time.Second)

		run := mustLast(t, r, "backup")
		if run.Status != "failed" || run.Error != interrupted || run.FinishedAt == nil {
			t.Errorf("shown as %+v", run)
		}
		mustClaim(t, r, "backup", slot, taken) // a scheduled time is served once, even so
		mustClaim(t, r, "backup", time.Time{}, claimed)
		if alive, err := r.beat(t.Context(), dead); alive || err != nil {
			t.Errorf("a run written off is alive: %v, %v", alive, err)
		}
	})
}

func TestRunsRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := runs{db: db}
		var wg sync.WaitGroup
		var won atomic.Int64
		for i := range 24 {
			wg.Go(func() {
				at := slot // half by the clock, half by hand
				if i%2 == 0 {
					at = time.Time{}
				}
				_, got, err := r.claim(t.Context(), "cleanup", at)
				if err != nil {
					t.Error(err)
				} else if got == claimed {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if n := won.Load(); n != 1 {
			t.Errorf("%d runs at once", n)
		}
	})
}

func TestRunsAreTrimmed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := runs{db: db}
		for i := range keepRuns + 5 {
			mustFinish(t, r, mustClaim(t, r, "report", slot.Add(time.Duration(i)*time.Hour), claimed), fmt.Sprint(i), nil)
		}
		mustFinish(t, r, mustClaim(t, r, "other", slot, claimed), "", nil)
		var rows int
		err := db.Read().NewRaw("SELECT COUNT(*) FROM job_runs WHERE name = 'report' AND slot > 0").Scan(t.Context(), &rows)
		count, err2 := r.count(t.Context(), "report")
		if err != nil || err2 != nil || rows != keepRuns || count != keepRuns+5 {
			t.Errorf("%d rows, %d runs (%v, %v)", rows, count, err, err2)
		}
		if run := mustLast(t, r, "report"); run.Result != fmt.Sprint(keepRuns+4) {
			t.Errorf("the newest run is %+v", run)
		}
	})
}
