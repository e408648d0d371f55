package scheduler

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// The states of a run.
const (
	statusRunning = "running"
	statusOK      = "ok"
	statusFailed  = "failed"
)

const (
	keepRuns    = 100     // rows of each job; older ones are removed
	maxText     = 4 << 10 // bytes kept of a result or an error
	interrupted = "the process ended before the job did"
)

// runs is the table job_runs. Times are microseconds by the database's clock.
//
//   - slot is the scheduled time; of a run by hand, when it was started.
//   - finished_at is the last sign of life while the job runs.
//   - The row with slot 0 is no run: it is the job itself. Whoever starts a run
//     holds it, and its result counts the runs, those removed included.
type runs struct{ db *database.DB }

// runID names a run.
type runID struct {
	name string
	slot int64
}

// outcome says what became of the wish to run a job.
type outcome uint8

const (
	claimed outcome = iota // it is ours to run
	busy                   // a run is on
	taken                  // that scheduled time has been served
)

// claim records the begin of a run, if there may be one. slot is the scheduled
// time, zero for a run by hand.
func (r runs) claim(ctx context.Context, name string, slot time.Time) (id runID, what outcome, err error) {
	err = r.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		count, err := r.hold(ctx, tx, name)
		if err != nil {
			return err
		}
		now, err := r.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		id = runID{name: name, slot: database.Micros(slot)}
		if slot.IsZero() {
			id.slot = now
		}
		if what, err = r.mayRun(ctx, tx, id, now); err != nil || what != claimed {
			return err
		}
		return r.insert(ctx, tx, id, now, count+1)
	})
	if err != nil {
		return runID{}, 0, fmt.Errorf("claim a run: %w", err)
	}
	return id, what, nil
}

// hold locks the job's own row until the commit and returns how many runs there were.
func (r runs) hold(ctx context.Context, tx database.Tx, name string) (count int64, err error) {
	query := database.Upsert(r.db.Engine(), "INSERT INTO job_runs (name, slot, started_at, status, result, error) VALUES (?, 0, 0, 'job', '0', '')",
		"name, slot", "status = 'job'")
	if _, err := r.db.Exec(ctx, tx, query, name); err != nil {
		return 0, err
	}
	return r.counted(ctx, tx, name)
}

// counted returns how many runs of the job the row of the job itself knows.
func (r runs) counted(ctx context.Context, in database.Reader, name string) (int64, error) {
	var text string
	if err := r.db.QueryRow(ctx, in, []any{&text}, "SELECT result FROM job_runs WHERE name = ? AND slot = 0", name); err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// mayRun writes off runs of dead processes and says whether id may begin.
func (r runs) mayRun(ctx context.Context, tx database.Tx, id runID, now int64) (outcome, error) {
	_, err := r.db.Exec(ctx, tx, "UPDATE job_runs SET status = ?, error = ? WHERE name = ? AND slot > 0 AND status = ? AND finished_at < ?",
		statusFailed, interrupted, id.name, statusRunning, now-staleAfter.Microseconds())
	if err != nil {
		return 0, err
	}
	var served, running int
	err = r.db.QueryRow(ctx, tx, []any{&served, &running}, `SELECT COUNT(CASE WHEN slot = ? THEN 1 END), COUNT(CASE WHEN status = ? THEN 1 END)
		FROM job_runs WHERE name = ? AND slot > 0`, id.slot, statusRunning, id.name)
	switch {
	case err != nil:
		return 0, err
	case served > 0:
		return taken, nil
	case running > 0:
		return busy, nil
	}
	return claimed, nil
}

// insert stores the new run as number count and removes those too many.
func (r runs) insert(ctx context.Context, tx database.Tx, id runID, now, count int64) error {
	_, err := r.db.Exec(ctx, tx, "INSERT INTO job_runs (name, slot, started_at, finished_at, status, result, error) VALUES (?, ?, ?, ?, ?, '', '')",
		id.name, id.slot, now, now, statusRunning)
	if err != nil {
		return err
	}
	_, err = r.db.Exec(ctx, tx, "UPDATE job_runs SET result = ? WHERE name = ? AND slot = 0", strconv.FormatInt(count, 10), id.name)
	if err != nil {
		return err
	}
	var oldest int64
	err = r.db.QueryRow(ctx, tx, []any{&oldest}, "SELECT slot FROM job_runs WHERE name = ? AND slot > 0 ORDER BY slot DESC LIMIT 1 OFFSET ?",
		id.name, keepRuns-1)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = r.db.Exec(ctx, tx, "DELETE FROM job_runs WHERE name = ? AND slot > 0 AND slot < ?", id.name, oldest)
	return err
}

// beat notes a sign of life; false means that the run has been written off.
func (r runs) beat(ctx context.Context, id runID) (alive bool, err error) {
	err = r.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := r.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		n, err := r.db.Exec(ctx, tx, "UPDATE job_runs SET finished_at = ? WHERE name = ? AND slot = ? AND status = ?",
			now, id.name, id.slot, statusRunning)
		alive = n > 0
		return err
	})
	return alive, err
}

// finish records how a run ended.
func (r runs) finish(ctx context.Context, id runID, result string, failed error) error {
	text := ""
	if failed != nil {
		text = failed.Error()
	}
	return r.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := r.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		_, err = r.db.Exec(ctx, tx, "UPDATE job_runs SET finished_at = ?, status = ?, result = ?, error = ? WHERE name = ? AND slot = ?",
			now, statusOf(failed), storable(result), storable(text), id.name, id.slot)
		return err
	})
}

// count returns how many runs of the job there ever were.
func (r runs) count(ctx context.Context, name string) (int64, error) {
	n, err := r.counted(ctx, r.db.Read(), name)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count runs: %w", err)
	}
	return n, nil
}

// last returns the newest run of the job, nil when there is none.
func (r runs) last(ctx context.Context, name string) (*LastRun, error) {
	now, err := r.db.Clock(ctx, r.db.Read())
	if err != nil {
		return nil, fmt.Errorf("newest run: %w", err)
	}
	var run LastRun
	var started, finished int64
	err = r.db.QueryRow(ctx, r.db.Read(), []any{&started, &finished, &run.Status, &run.Result, &run.Error}, `SELECT started_at, finished_at, status, result, error
		FROM job_runs WHERE name = ? AND slot > 0 ORDER BY started_at DESC, slot DESC LIMIT 1`, name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("newest run: %w", err)
	}
	run.StartedAt = database.Time(started)
	if run.Status == statusRunning && finished < now-staleAfter.Microseconds() {
		run.Status, run.Error = statusFailed, interrupted
	}
	if run.Status != statusRunning {
		end := database.Time(finished)
		run.FinishedAt = &end
	}
	return &run, nil
}

func statusOf(err error) string {
	if err != nil {
		return statusFailed
	}
	return statusOK
}

// storable makes a text fit the column on every engine.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), maxText)], "\x00", ""), "")
}
