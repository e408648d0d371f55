package service_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/parley-bot/parley/internal/service"
)

func TestTask(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	work := func(ctx context.Context) {
		runs.Add(1)
		<-ctx.Done()
	}
	var task service.Task
	ctx, cancel := context.WithCancel(t.Context())
	task.Start(ctx, work)
	task.Start(ctx, work)
	cancel() // does not end it
	for range 2 {
		if !task.Stop() {
			t.Error("a task that was started has not run")
		}
	}
	task.Start(t.Context(), work)
	if n := runs.Load(); n > 1 {
		t.Errorf("ran %d times", n)
	}
	var never service.Task
	if never.Stop() {
		t.Error("a task that was not started has run")
	}
	never.Start(t.Context(), work)
	if never.Stop() || runs.Load() > 1 {
		t.Error("a task was started after its stop")
	}
}

func TestStack(t *testing.T) {
	t.Parallel()
	var stopped []int
	var stack service.Stack
	first := errors.New("the first")
	for i, err := range []error{first, nil, errors.New("the last")} {
		stack.Push(func() error { stopped = append(stopped, i); return err })
	}
	err := stack.Stop()
	if !errors.Is(err, first) || !slices.Equal(stopped, []int{2, 1, 0}) {
		t.Errorf("stopped %v with %v", stopped, err)
	}
	if err := stack.Stop(); err != nil || len(stopped) != 3 {
		t.Errorf("again: %v, %v", stopped, err)
	}
}
