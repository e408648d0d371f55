// Package service starts and stops what runs in the background. Everything that
// runs may be stopped twice, before it was started, and in any order.
package service

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Task is work that is started once and stopped once, however often either is
// asked for. The zero value is ready.
type Task struct {
	mu      sync.Mutex
	stopped bool
	cancel  context.CancelFunc // nil: not started
	done    chan struct{}
}

// Start runs work in the background, with a context that ends with Stop and not
// with ctx. A second Start does nothing, nor does one after Stop.
func (t *Task) Start(ctx context.Context, work func(ctx context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || t.cancel != nil {
		return
	}
	ctx, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	t.done = make(chan struct{})
	go func() {
		defer close(t.done)
		work(ctx)
	}()
}

// Stop ends the work's context, returns once the work has ended, and reports
// whether there was any.
func (t *Task) Stop() (ran bool) {
	t.mu.Lock()
	t.stopped = true
	cancel, done := t.cancel, t.done
	t.mu.Unlock()
	if cancel == nil {
		return false
	}
	cancel()
	<-done
	return true
}

// Stack is what has to be stopped, the last first. The zero value is empty.
type Stack struct {
	mu    sync.Mutex
	stops []func() error
}

// Push adds something to be stopped before all that is there already.
func (s *Stack) Push(stop func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, stop)
}

// Stop stops everything, whatever goes wrong, and returns all that did. What was
// stopped is not stopped again.
func (s *Stack) Stop() error {
	s.mu.Lock()
	stops := s.stops
	s.stops = nil
	s.mu.Unlock()
	var all []error
	for _, stop := range slices.Backward(stops) {
		all = append(all, stop())
	}
	return errors.Join(all...)
}
