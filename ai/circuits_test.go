package ai_test

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// An endpoint that fails again and again is left alone; the fallback is asked
// at once, and alone it gives the error that says when to come back.
func TestOpenCircuitGoesToTheFallbackAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	first, primary := endpoint(t, "one:small")
	second, fallback := endpoint(t, "two:big")
	first.Always(fakeopenai.Fail(500, ""))
	a := ai.NewAssistant(ai.Options{
		Primary: primary, Fallbacks: []ai.Endpoint{fallback},
		Circuits: breaker.NewSet(breaker.Options{Now: func() time.Time { return now }}),
	})
	for range 8 {
		if got, err := a.Reply(t.Context(), asking("hi"), nil); err != nil || got.Endpoint != "two:big" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if n := len(first.Calls()); n != 5 {
		t.Errorf("the primary was called %d times", n)
	}
	second.Always(fakeopenai.Fail(401, ""))
	_, err := a.Reply(t.Context(), asking("hi"), nil)
	if !errors.Is(err, breaker.ErrOpen) || failure.KindOf(err) != failure.Retry || failure.WaitOf(err) < 10*time.Second {
		t.Errorf("a passing fault outweighs a lasting one: %v", err)
	}
	second.Always(fakeopenai.Fail(503, ""))
	_, err = a.Reply(t.Context(), asking("hi"), nil)
	if errors.Is(err, breaker.ErrOpen) || failure.CodeOf(err) != ai.CodeModelUnavailable {
		t.Errorf("a call that was made outweighs one that was not: %v", err)
	}
	now = now.Add(11 * time.Second)
	first.Always(fakeopenai.Step{})
	for range 2 {
		if got, err := a.Reply(t.Context(), asking("hi"), nil); err != nil || got.Endpoint != "one:small" {
			t.Errorf("after the pause: %+v, %v", got, err)
		}
	}
}

// A wait that the endpoint names holds for every conversation.
func TestNamedWaitHoldsForTheModel(t *testing.T) {
	t.Parallel()
	now := time.Now()
	server, primary := endpoint(t, "one:small")
	server.Script(fakeopenai.RateLimited("9"))
	a := ai.NewAssistant(ai.Options{Primary: primary, Circuits: breaker.NewSet(breaker.Options{Now: func() time.Time { return now }})})
	_, err := a.Reply(t.Context(), asking("one"), nil)
	if failure.CodeOf(err) != ai.CodeRateLimited || failure.WaitOf(err) != 9*time.Second {
		t.Errorf("the first: %v", err)
	}
	_, err = a.Reply(t.Context(), asking("another"), nil)
	if !errors.Is(err, breaker.ErrOpen) || failure.WaitOf(err) < 9*time.Second || len(server.Calls()) != 1 {
		t.Errorf("another: %v, wait %v, %d calls", err, failure.WaitOf(err), len(server.Calls()))
	}
	now = now.Add(9 * time.Second)
	if _, err := a.Reply(t.Context(), asking("another"), nil); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}
