package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// However often anybody asks whether the database takes writes, it is tried once
// a second, and nobody waits longer than they would.
func TestVerdictIsFoundOncePerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, calls, broken := newVerdict(), 0, errors.New("broken")
		find := func() error { calls++; return broken }
		for range 100 {
			if err := v.ask(t.Context(), find); !errors.Is(err, broken) {
				t.Fatal(err)
			}
		}
		time.Sleep(verdictFor)
		broken = nil
		if err := v.ask(t.Context(), find); err != nil || calls != 2 {
			t.Errorf("%v after %d calls", err, calls)
		}
		time.Sleep(verdictFor)
		hangs := make(chan struct{})
		go func() { _ = v.ask(t.Context(), func() error { <-hangs; return nil }) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := v.ask(ctx, find); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beside one that hangs: %v", err)
		}
		close(hangs)
	})
}
