package platformtest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/platforms"
)

// Listener is a source that runs until the test ends, with what it delivered.
type Listener struct {
	platforms.Source

	cancel context.CancelFunc
	ended  chan struct{}
	run    error // what Run returned

	mu  sync.Mutex
	got []platforms.Inbound
	err error // that is returned for what is delivered
}

// Listen runs a source.
func Listen(t *testing.T, s platforms.Source) *Listener {
	t.Helper()
	l := &Listener{Source: s, ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	go func() {
		defer close(l.ended)
		l.run = s.Run(ctx, l.deliver)
	}()
	t.Cleanup(func() { _ = l.Stop() })
	return l
}

func (l *Listener) deliver(_ context.Context, in platforms.Inbound) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.got = append(l.got, in)
	return nil
}

// Stop ends the source and returns what it ended with.
func (l *Listener) Stop() error {
	l.cancel()
	<-l.ended
	return l.run
}

// Ended waits until the source has ended by itself and returns what with.
func (l *Listener) Ended(t *testing.T) error {
	t.Helper()
	select {
	case <-l.ended:
	case <-Patient(t).Done():
		t.Fatal("it goes on")
	}
	return l.run
}

// Fail has whatever is delivered from now on refused, as by a full disk; nil: no more.
func (l *Listener) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// Delivered returns what came and was taken, in order.
func (l *Listener) Delivered() []platforms.Inbound {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// Patient returns a context for waiting for what should come at once.
func Patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
