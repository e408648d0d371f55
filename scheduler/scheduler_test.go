package scheduler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/scheduler"
)

func newScheduler(t *testing.T, o scheduler.Options) *scheduler.Scheduler {
	t.Helper()
	s, err := scheduler.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func start(t *testing.T, s *scheduler.Scheduler) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, s *scheduler.Scheduler) {
	t.Helper()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func status(t *testing.T, s *scheduler.Scheduler, name string) scheduler.JobStatus {
	t.Helper()
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no job %s", name)
	return scheduler.JobStatus{}
}

func TestRunNow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		begun, release := make(chan struct{}), make(chan struct{})
		options := scheduler.Options{DB: db, Metrics: metrics.New(), Jobs: []scheduler.Job{
			{Name: "backup", Run: func(context.Context) (string, error) {
				begun <- struct{}{}
				<-release
				return "3 conversations", nil
			}},
			{Name: "broken", Run: func(context.Context) (string, error) { return "", errors.New("no space left") }},
			{Name: "panics", Run: func(context.Context) (string, error) { panic("secret detail") }},
		}}
		one, replica := newScheduler(t, options), newScheduler(t, options)
		if err := one.RunNow(t.Context(), "nothing"); failure.KindOf(err) != failure.NotFound {
			t.Errorf("an unknown job: %v", err)
		}
		for _, name := range []string{"backup", "broken", "panics"} {
			if err := one.RunNow(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		<-begun
		for _, s := range []*scheduler.Scheduler{one, replica} {
			if err := s.RunNow(t.Context(), "backup"); failure.KindOf(err) != failure.Conflict {
				t.Errorf("while it runs: %v", err)
			}
			if last := status(t, s, "backup").LastRun; last.Status != "running" || last.FinishedAt != nil {
				t.Errorf("while it runs: %+v", last)
			}
		}
		close(release)
		stop(t, one)
		for name, want := range map[string]scheduler.LastRun{
			"backup": {Status: "ok", Result: "3 conversations"},
			"broken": {Status: "failed", Error: "no space left"},
			"panics": {Status: "failed", Error: "the job panicked; the log has the details"},
		} {
			got := status(t, replica, name)
			last := *got.LastRun
			if last.FinishedAt == nil || last.FinishedAt.Before(last.StartedAt) || got.Runs != 1 || got.NextRun != nil {
				t.Errorf("%s: %+v", name, got)
			}
			last.StartedAt, last.FinishedAt = time.Time{}, nil
			if last != want {
				t.Errorf("%s: %+v, want %+v", name, last, want)
			}
			if n := testutil.ToFloat64(options.Metrics.Jobs.WithLabelValues(name, want.Status)); n != 1 {
				t.Errorf("%s: counted %v times", name, n)
			}
		}
		if err := one.RunNow(t.Context(), "broken"); failure.KindOf(err) != failure.Unavailable {
			t.Errorf("after Stop: %v", err)
		}
	})
}

// Two replicas on one database serve each scheduled time once.
func TestScheduleIsServedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := dbtest.New(t)
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		var cleanups, reports atomic.Int64
		var hours []int
		options := scheduler.Options{DB: db, Location: zone, Jobs: []scheduler.Job{
			{Name: "cleanup", Cron: "0 3 * * *", Run: func(context.Context) (string, error) {
				cleanups.Add(1)
				hours = append(hours, time.Now().In(zone).Hour())
				return "done", nil
			}},
			{Name: "report", Cron: "*/30 * * * *", Run: func(context.Context) (string, error) {
				reports.Add(1)
				return "", nil
			}},
			{Name: "off", Run: func(context.Context) (string, error) { return "", errors.New("must not run") }},
		}}
		one, two := newScheduler(t, options), newScheduler(t, options)
		start(t, one)
		start(t, one)
		time.Sleep(7 * time.Millisecond) // in a bubble: two replicas are never quite in step
		start(t, two)

		next := status(t, one, "cleanup").NextRun
		if next == nil || next.Format(time.RFC3339) != "2000-01-01T02:00:00Z" {
			t.Errorf("next run %v, want 3 o'clock in Berlin", next)
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if c, r := cleanups.Load(), reports.Load(); c != 2 || r != 96 {
			t.Errorf("%d cleanups, %d reports in two days; want 2 and 96", c, r)
		}
		for _, hour := range hours {
			if hour != 3 {
				t.Errorf("ran at %d o'clock", hour)
			}
		}
		if got := status(t, two, "cleanup"); got.Runs != 2 || got.LastRun.Status != "ok" || got.LastRun.Result != "done" {
			t.Errorf("%+v", got)
		}
		if got := status(t, two, "off"); got.Runs != 0 || got.LastRun != nil || got.NextRun != nil {
			t.Errorf("%+v", got)
		}
		stop(t, one)
		stop(t, two)
		stop(t, two)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if c := cleanups.Load(); c != 2 {
			t.Errorf("%d cleanups after Stop", c)
		}
	})
}

// A run that is longer than its interval is neither doubled nor taken for dead.
func TestLongRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		release := make(chan struct{})
		job := scheduler.Job{Name: "backup", Cron: "* * * * *", Run: func(ctx context.Context) (string, error) {
			begun.Add(1)
			select {
			case <-release:
				return "whole", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}}
		db := dbtest.New(t)
		one := newScheduler(t, scheduler.Options{DB: db, Jobs: []scheduler.Job{job}})
		two := newScheduler(t, scheduler.Options{DB: db, Jobs: []scheduler.Job{job}})
		start(t, one)
		start(t, two)
		time.Sleep(20*time.Minute + time.Second)
		synctest.Wait()
		if n := begun.Load(); n != 1 {
			t.Fatalf("%d runs at once", n)
		}
		if err := two.RunNow(t.Context(), "backup"); failure.KindOf(err) != failure.Conflict {
			t.Errorf("while it runs: %v", err)
		}
		close(release)
		synctest.Wait()
		if got := status(t, one, "backup"); got.Runs != 1 || got.LastRun.Result != "whole" {
			t.Errorf("%+v", got.LastRun)
		}
		stop(t, one)
		stop(t, two)
	})
}

// A job whose run was written off by others is told to end.
func TestLostRunIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := dbtest.New(t)
		s := newScheduler(t, scheduler.Options{DB: db, Jobs: []scheduler.Job{{
			Name: "backup", Run: func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			},
		}}})
		if err := s.RunNow(t.Context(), "backup"); err != nil {
			t.Fatal(err)
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			_, err := tx.NewRaw("UPDATE job_runs SET status = 'failed' WHERE slot > 0").Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(21 * time.Second)
		synctest.Wait()
		if last := status(t, s, "backup").LastRun; !strings.Contains(last.Error, "another replica") {
			t.Errorf("%+v", last)
		}
		stop(t, s)
	})
}

func TestStopCancelsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		begun := make(chan struct{})
		s := newScheduler(t, scheduler.Options{DB: db, Jobs: []scheduler.Job{{
			Name: "vacuum", Run: func(ctx context.Context) (string, error) {
				close(begun)
				<-ctx.Done()
				return "half", ctx.Err()
			},
		}}})
		start(t, s)
		if err := s.RunNow(t.Context(), "vacuum"); err != nil {
			t.Fatal(err)
		}
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Stop(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Stop: %v", err)
		}
		if last := status(t, s, "vacuum").LastRun; last.Status != "failed" || last.Result != "half" || last.FinishedAt == nil {
			t.Errorf("%+v", last)
		}
	})
}

func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	s := newScheduler(t, scheduler.Options{DB: dbtest.New(t), Jobs: []scheduler.Job{{Name: "cleanup", Cron: "* * * * *"}}})
	stop(t, s)
	stop(t, s)
	start(t, s)
	stop(t, s)
}

func TestNewNamesTheBrokenSchedule(t *testing.T) {
	t.Parallel()
	_, err := scheduler.New(scheduler.Options{Jobs: []scheduler.Job{{Name: "vacuum", Cron: "0 25 * * *"}}})
	if err == nil || !strings.Contains(err.Error(), "vacuum") || !strings.Contains(err.Error(), "0 25 * * *") {
		t.Errorf("got %v", err)
	}
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		status scheduler.JobStatus
		want   string
	}{
		{scheduler.JobStatus{Name: "backup"}, `{"name":"backup","cron":"","next_run":null,"runs":0,"last_run":null}`},
		{
			scheduler.JobStatus{Name: "a", Cron: "b", NextRun: &when, Runs: 1, LastRun: &scheduler.LastRun{StartedAt: when, Status: "running"}},
			`{"name":"a","cron":"b","next_run":"2026-03-01T03:00:00Z","runs":1,"last_run":` +
				`{"started_at":"2026-03-01T03:00:00Z","finished_at":null,"status":"running","result":"","error":""}}`,
		},
	} {
		got, err := json.Marshal(tt.status)
		if err != nil || string(got) != tt.want {
			t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
		}
	}
}

// A database that is gone costs a log line, not the process.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := dbtest.New(t)
		var log bytes.Buffer
		s := newScheduler(t, scheduler.Options{
			DB: db, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Jobs: []scheduler.Job{{Name: "cleanup", Cron: "* * * * *", Run: func(context.Context) (string, error) {
				return "", errors.New("must not run")
			}}},
		})
		start(t, s)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		stop(t, s)
		if !strings.Contains(log.String(), "job could not be started") || strings.Contains(log.String(), "must not run") {
			t.Errorf("log: %s", log.String())
		}
		if err := s.RunNow(t.Context(), "cleanup"); err == nil {
			t.Error("RunNow on a closed database succeeded")
		}
	})
}
