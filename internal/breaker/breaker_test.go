package breaker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
)

var (
	fault   = failure.New(failure.Retry, "down", "", nil)
	doubt   = failure.New(failure.Ambiguous, "cut", "", nil)
	refusal = failure.New(failure.Permanent, "no", "", nil)
)

func do(b *breaker.Breaker, err error) error { return b.Do(func() error { return err }) }

func expect(t *testing.T, s *breaker.Set, want breaker.State) {
	t.Helper()
	if got := s.States()["x"]; got != want {
		t.Fatalf("state %s, want %s", got, want)
	}
}

// open brings the circuit to its open state.
func open(t *testing.T, s *breaker.Set) {
	t.Helper()
	for range 5 {
		if err := do(s.Get("x"), fault); !errors.Is(err, fault) {
			t.Fatalf("the call's own error must come back, got %v", err)
		}
	}
	expect(t, s, breaker.Open)
}

func TestOpensAfterFaultsInARow(t *testing.T) {
	t.Parallel()
	s := breaker.NewSet(breaker.Options{})
	b := s.Get("x")
	for _, err := range []error{fault, doubt, fault, fault, nil, fault, fault, refusal, fault, fault, fault, fault} {
		_ = do(b, err)
	}
	expect(t, s, breaker.Closed) // never five in a row
	_ = do(b, doubt)
	expect(t, s, breaker.Open)
	made := false
	err := b.Do(func() error { made = true; return nil })
	wait := failure.WaitOf(err)
	if made || !errors.Is(err, breaker.ErrOpen) || failure.KindOf(err) != failure.Retry || wait <= 9*time.Second || wait > 13*time.Second {
		t.Errorf("made %v, %v, wait %v", made, err, wait)
	}
	if err := do(s.Get("y"), nil); err != nil {
		t.Errorf("another endpoint: %v", err)
	}
}

func TestHalfOpenLetsOneThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := breaker.NewSet(breaker.Options{})
		open(t, s)
		time.Sleep(9 * time.Second)
		if err := do(s.Get("x"), nil); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("too early: %v", err)
		}
		time.Sleep(time.Second)
		release := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = s.Get("x").Do(func() error { <-release; return nil })
		})
		synctest.Wait()
		expect(t, s, breaker.HalfOpen)
		if err := do(s.Get("x"), nil); !errors.Is(err, breaker.ErrOpen) || failure.WaitOf(err) < 5*time.Second {
			t.Errorf("a second call beside the trial: %v", err)
		}
		close(release)
		wg.Wait()
		expect(t, s, breaker.Closed)
	})
}

// Whatever ends a trial without an answer leaves the circuit open, and the
// right to try is not lost for ever.
func TestTrialWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func() error{
		"fault":     func() error { return fault },
		"cancelled": func() error { return context.Canceled },
		"panic":     func() error { panic("x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := breaker.NewSet(breaker.Options{})
				open(t, s)
				for _, wait := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} { // twice as long each time, up to a minute
					time.Sleep(wait - time.Millisecond)
					if err := do(s.Get("x"), nil); !errors.Is(err, breaker.ErrOpen) {
						t.Errorf("before %s: %v", wait, err)
					}
					time.Sleep(time.Millisecond)
					func() {
						defer func() { _ = recover() }()
						if err := s.Get("x").Do(call); errors.Is(err, breaker.ErrOpen) {
							t.Error("the trial was not let through")
						}
					}()
					expect(t, s, breaker.Open)
				}
				time.Sleep(time.Minute)
				if err := do(s.Get("x"), nil); err != nil {
					t.Error(err)
				}
				expect(t, s, breaker.Closed)
			})
		})
	}
}

// What says nothing about the endpoint does not open its circuit.
func TestUnrelatedErrorsDoNotCount(t *testing.T) {
	t.Parallel()
	s := breaker.NewSet(breaker.Options{})
	for range 20 {
		_ = do(s.Get("x"), context.Canceled)
		_ = do(s.Get("x"), refusal)
		_ = do(s.Get("x"), failure.New(failure.Unavailable, "database", "", nil))
	}
	expect(t, s, breaker.Closed)
}

// A wait that the endpoint names holds for everybody at once, to the moment.
func TestNamedWaitHoldsForTheEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := breaker.NewSet(breaker.Options{})
		_ = do(s.Get("x"), failure.RetryAfter(30*time.Second, "rate_limited", "", nil))
		_ = do(s.Get("x"), failure.RetryAfter(time.Second, "rate_limited", "", nil)) // not made, and shortens nothing
		expect(t, s, breaker.Open)
		err := do(s.Get("x"), nil)
		if wait := failure.WaitOf(err); !errors.Is(err, breaker.ErrOpen) || wait < 30*time.Second || wait > 40*time.Second {
			t.Errorf("%v, wait %v", err, wait)
		}
		time.Sleep(30 * time.Second)
		expect(t, s, breaker.Closed)
		if err := do(s.Get("x"), nil); err != nil {
			t.Error(err)
		}
	})
}

// Reading tells of faults and named waits, but proves nothing.
func TestAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := breaker.NewSet(breaker.Options{})
		ask := func(err error) error { return s.Get("x").Ask("", func() error { return err }) }
		for range 4 {
			_ = do(s.Get("x"), fault)
			if err := ask(nil); err != nil {
				t.Error(err)
			}
		}
		expect(t, s, breaker.Closed)
		_ = ask(fault)
		expect(t, s, breaker.Open)
		if err := ask(nil); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("asked while it was open: %v", err)
		}
		time.Sleep(10 * time.Second)
		if err := ask(nil); err != nil {
			t.Error(err)
		}
		expect(t, s, breaker.Open) // until a call has done its work
		_ = do(s.Get("x"), nil)
		_ = ask(failure.RetryAfter(time.Minute, "rate_limited", "", nil))
		if err := do(s.Get("x"), nil); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("a named wait was not kept: %v", err)
		}
	})
}

func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []breaker.State
		s := breaker.NewSet(breaker.Options{OnChange: func(name string, state breaker.State) {
			if name == "x" {
				told = append(told, state)
			}
		}})
		open(t, s)
		time.Sleep(10 * time.Second)
		_ = do(s.Get("x"), nil)
		if len(told) != 3 || told[0] != breaker.Open || told[1] != breaker.HalfOpen || told[2] != breaker.Closed {
			t.Errorf("told %v", told)
		}
	})
}

func TestNilSetMakesEveryCall(t *testing.T) {
	t.Parallel()
	var s *breaker.Set
	for range 10 {
		if err := do(s.Get("x"), fault); !errors.Is(err, fault) {
			t.Error(err)
		}
	}
	if len(s.States()) != 0 {
		t.Error("states of nothing")
	}
}
