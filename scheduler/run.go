package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/parley-bot/parley/internal/service"
)

const (
	// beatEvery is how often a running job shows that it is alive.
	beatEvery = 20 * time.Second
	// staleAfter is the silence after which its process counts as dead.
	staleAfter = 2 * time.Minute
	// finishTimeout bounds recording a run's end.
	finishTimeout = 10 * time.Second
)

var (
	errLost  = errors.New("the run was abandoned: another replica considered this process dead")
	errPanic = errors.New("the job panicked; the log has the details")
)

// run carries out a claimed run and records how it ended.
func (s *Scheduler) run(job *scheduled, r runID) {
	ctx, cancel := context.WithCancelCause(s.working)
	defer cancel(nil)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		s.beat(ctx, cancel, r)
	}()
	start := time.Now()
	result, err := s.call(ctx, job)
	if err != nil && errors.Is(context.Cause(ctx), errLost) {
		err = errLost
	}
	cancel(nil)
	<-beating

	end, stop := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer stop()
	s.report(end, job.Name, time.Since(start), result, err)
	if err := s.runs.finish(end, r, result, err); err != nil {
		s.log.ErrorContext(end, "job's end could not be recorded", slog.String("job", job.Name), slog.Any("error", err))
	}
}

// call runs the job; a panic is an error.
func (s *Scheduler) call(ctx context.Context, job *scheduled) (result string, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.ErrorContext(ctx, "job panicked", slog.String("job", job.Name),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return job.Run(ctx)
}

// beat keeps the run's row fresh until ctx ends. It cancels the job when the
// row is no longer ours, or may soon be taken for stale.
func (s *Scheduler) beat(ctx context.Context, cancel context.CancelCauseFunc, r runID) {
	last := time.Now()
	for range service.Every(ctx, beatEvery) {
		attempt, stop := context.WithTimeout(ctx, beatEvery)
		alive, err := s.runs.beat(attempt, r)
		stop()
		if err == nil && alive {
			last = time.Now()
		} else if err == nil || time.Since(last) > staleAfter-2*beatEvery {
			cancel(errLost)
			return
		}
	}
}

// report logs and counts a run.
func (s *Scheduler) report(ctx context.Context, name string, took time.Duration, result string, err error) {
	status := statusOf(err)
	if s.metrics != nil {
		s.metrics.Jobs.WithLabelValues(name, status).Inc()
	}
	if err != nil {
		s.log.ErrorContext(ctx, "job failed", slog.String("job", name), slog.Float64("took_ms", float64(took.Microseconds())/1000), slog.Any("error", err))
		return
	}
	s.log.InfoContext(ctx, "job done", slog.String("job", name), slog.Float64("took_ms", float64(took.Microseconds())/1000), slog.String("result", result))
}
