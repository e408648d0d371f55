package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
)

// Job is a piece of work with a schedule.
type Job struct {
	Name string // at most 50 bytes
	Cron string // five fields, or @hourly and its like; "" = off, but it may still be run by hand

	// Run does the work and says in a few words what it did. It returns soon
	// after ctx is cancelled.
	Run func(ctx context.Context) (result string, err error)
}

// Options say what a scheduler works with. The time of a schedule is this
// process's clock; tests use testing/synctest.
type Options struct {
	DB       *database.DB
	Jobs     []Job
	Location *time.Location   // whose wall clock the schedules mean; nil = UTC
	Logger   *slog.Logger     // nil: no log
	Metrics  *metrics.Metrics // nil: none
}

// Scheduler runs jobs by the clock and on request. Make one with [New].
type Scheduler struct {
	jobs    []*scheduled // in the order of Options.Jobs
	runs    runs
	zone    *time.Location
	log     *slog.Logger
	metrics *metrics.Metrics

	working context.Context //nolint:containedctx // what the jobs run under; cancelled when Stop's patience ends
	cancel  context.CancelFunc
	running sync.WaitGroup // every goroutine of ours

	mu      sync.Mutex
	cron    gocron.Scheduler // nil before Start
	stopped bool
}

// scheduled is a job with its timetable, nil when it is off.
type scheduled struct {
	Job

	times *timetable
}

// New returns a scheduler that does nothing yet. A schedule that cannot be
// read is an error that names the job.
func New(o Options) (*Scheduler, error) {
	s := &Scheduler{
		runs: runs{db: o.DB}, zone: cmp.Or(o.Location, time.UTC), metrics: o.Metrics,
		log: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
	}
	for _, job := range o.Jobs {
		one := &scheduled{Job: job}
		if job.Cron != "" {
			times, err := newTimetable(job.Cron, s.zone)
			if err != nil {
				return nil, fmt.Errorf("job %s: %w", job.Name, err)
			}
			one.times = times
		}
		s.jobs = append(s.jobs, one)
	}
	s.working, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start begins to run jobs by the clock. It may be called twice; after Stop it
// does nothing.
func (s *Scheduler) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cron != nil || s.stopped {
		return nil
	}
	cron, err := gocron.NewScheduler(gocron.WithLocation(s.zone))
	if err != nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	for _, job := range s.jobs {
		if job.times == nil {
			continue
		}
		job.times.start(time.Now())
		_, err := cron.NewJob(gocron.CronJob(job.Cron, false), gocron.NewTask(func() { s.due(job) }),
			gocron.WithCronImplementation(job.times.cron))
		if err != nil {
			return errors.Join(fmt.Errorf("job %s: %w", job.Name, err), cron.Shutdown())
		}
	}
	cron.Start()
	s.cron = cron
	return nil
}

// cancelGrace is how long Stop waits for a job that was told to end.
const cancelGrace = 5 * time.Second

// Stop ends the schedule and waits for the jobs that run. When ctx ends first
// they are cancelled, and the error says so. It may be called twice, and
// without Start.
func (s *Scheduler) Stop(ctx context.Context) error {
	err := s.stopCron(ctx)
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cancel()
		return err
	case <-ctx.Done():
	}
	s.cancel()
	err = errors.Join(err, fmt.Errorf("scheduler: not every job ended in time: %w", ctx.Err()))
	grace := time.NewTimer(cancelGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		err = errors.Join(err, errors.New("scheduler: a cancelled job did not end"))
	}
	return err
}

// stopCron makes sure that no further run begins.
func (s *Scheduler) stopCron(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopped
	s.stopped = true
	cron := s.cron
	s.mu.Unlock()
	if !first || cron == nil {
		return nil
	}
	if err := cron.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	return nil
}

// spawn runs fn in a goroutine that Stop waits for; false means that the
// scheduler is stopped.
func (s *Scheduler) spawn(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.running.Go(fn)
	return true
}

// due is called when the job's time has come.
func (s *Scheduler) due(job *scheduled) {
	slot := job.times.take(time.Now())
	s.spawn(func() { s.runSlot(job, slot) })
}

// runSlot runs the job for a scheduled time unless a replica has taken it.
func (s *Scheduler) runSlot(job *scheduled, slot time.Time) {
	r, what, err := s.claim(job, slot)
	ctx := s.working
	switch {
	case err != nil:
		s.log.ErrorContext(ctx, "job could not be started", slog.String("job", job.Name), slog.Any("error", err))
	case what == busy:
		s.log.WarnContext(ctx, "job skipped: the previous run is still going", slog.String("job", job.Name))
	case what == claimed:
		s.run(job, r)
	}
}

// claimTimeout bounds the wait for a database that does not answer.
const claimTimeout = 30 * time.Second

func (s *Scheduler) claim(job *scheduled, slot time.Time) (runID, outcome, error) {
	ctx, cancel := context.WithTimeout(s.working, claimTimeout)
	defer cancel()
	return s.runs.claim(ctx, job.Name, slot)
}

// RunNow starts the job in the background and returns once that is recorded.
// The error is [failure.NotFound] for a name that does not exist,
// [failure.Conflict] while the job runs, on whichever replica, and
// [failure.Unavailable] after Stop.
func (s *Scheduler) RunNow(ctx context.Context, name string) error {
	job := s.find(name)
	if job == nil {
		return failure.New(failure.NotFound, "job_not_found", "there is no such job", nil)
	}
	// The claim is made by the goroutine that runs the job, so that whatever
	// is claimed is also run, though the caller may be gone.
	answer := make(chan error, 1)
	ok := s.spawn(func() {
		r, what, err := s.claim(job, time.Time{})
		if err == nil && what != claimed {
			err = failure.New(failure.Conflict, "job_running", "the job is running", nil)
		}
		answer <- err
		if err == nil {
			s.run(job, r)
		}
	})
	if !ok {
		return failure.New(failure.Unavailable, "stopping", "the scheduler is stopped", nil)
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Scheduler) find(name string) *scheduled {
	for _, job := range s.jobs {
		if job.Name == name {
			return job
		}
	}
	return nil
}
