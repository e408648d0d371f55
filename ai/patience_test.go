package ai_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
)

// steady says something every so often: text, or only a sign.
type steady struct {
	every time.Duration
	times int
	text  string
	asked int
}

func (s *steady) Generate(ctx context.Context, r ai.Request, onDelta func(string)) (ai.Response, error) {
	s.asked++
	for range s.times {
		select {
		case <-ctx.Done():
			return ai.Response{}, ctx.Err()
		case <-time.After(s.every):
		}
		if r.Alive(); s.text != "" {
			onDelta(s.text)
		}
	}
	return ai.Response{Text: "done", FinishReason: "stop"}, nil
}

// Case 44: an answer that comes steadily takes longer than the time limit, since
// that is how long the model may give no sign; thoughts count.
func TestCase44SteadyAnswerBeyondTheTimeout(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"text": "word ", "thoughts": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &steady{every: 100 * time.Second, times: 8, text: text}
				a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "m", Model: m}, Timeout: 2 * time.Minute})
				got, err := a.Reply(t.Context(), asking("hi"), nil)
				if err != nil || got.Text != "done" || m.asked != 1 {
					t.Errorf("%+v, %v, asked %d times", got, err, m.asked)
				}
			})
		})
	}
}

func TestSilenceEndsACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &steady{every: 121 * time.Second, times: 3, text: "word "}
		a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "m", Model: m}, Timeout: 2 * time.Minute})
		start := time.Now()
		_, err := a.Reply(t.Context(), asking("hi"), nil)
		if failure.KindOf(err) != failure.Retry || failure.CodeOf(err) != ai.CodeTimeout || time.Since(start) != 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// After the longest time for a reply what was said is the answer; who only
// thought for so long is not asked again.
func TestLongestReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		talks := &steady{every: time.Minute, times: 1000, text: "word "}
		a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "m", Model: talks, ModelName: "m-1"}, Timeout: 2 * time.Minute})
		start := time.Now()
		got, err := a.Reply(t.Context(), asking("hi"), nil)
		if err != nil || !got.Cut || got.Text != strings.Repeat("word ", len(got.Text)/5) || len(got.Text) < 14*5 || got.Model != "m-1" || got.CompletionTokens == 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if took := time.Since(start); took != ai.MaxReplyTime {
			t.Errorf("took %v", took)
		}
		thinks := &steady{every: time.Minute, times: 1000}
		a = ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "m", Model: thinks}, Timeout: 2 * time.Minute})
		if _, err := a.Reply(t.Context(), asking("hi"), nil); failure.KindOf(err) != failure.Permanent || failure.CodeOf(err) != ai.CodeTimeout {
			t.Errorf("got %v", err)
		}
	})
}

// A trial that answers for minutes keeps nobody waiting once it has begun to.
func TestLongTrialLetsOthersThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		circuits := breaker.NewSet(breaker.Options{Failures: 1})
		m := &steady{every: time.Minute, times: 5, text: "word "}
		a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "m", Model: m}, Timeout: 2 * time.Minute, Circuits: circuits})
		_ = circuits.Get("m").Do(func() error { return failure.New(failure.Retry, "down", "", nil) })
		time.Sleep(11 * time.Second)
		done := make(chan error)
		go func() {
			_, err := a.Reply(t.Context(), asking("hi"), nil)
			done <- err
		}()
		time.Sleep(30 * time.Second)
		if s := circuits.States()["m"]; s != breaker.HalfOpen {
			t.Errorf("before its first word: %s", s)
		}
		time.Sleep(time.Minute)
		if s := circuits.States()["m"]; s != breaker.Closed {
			t.Errorf("after its first word: %s", s)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
