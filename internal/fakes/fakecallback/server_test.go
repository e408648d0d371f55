package fakecallback_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakecallback"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func start(t *testing.T) *fakecallback.Server {
	t.Helper()
	s, err := fakecallback.Start(fakecallback.Options{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// post signs body as Parley does and returns the status, 0 without an answer.
func post(ctx context.Context, t *testing.T, s *fakecallback.Server, id, body string, change func(http.Header)) int {
	t.Helper()
	r, err := fakecallback.SignedRequest(ctx, secret, id, time.Now(), s.URL(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r.Header)
	}
	resp, err := new(http.Client).Do(r)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// The published vector of Standard Webhooks.
func TestSign(t *testing.T) {
	t.Parallel()
	got, err := fakecallback.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := fakecallback.Sign("whsec_!", "id", "1", nil); err == nil || strings.Contains(err.Error(), "!") {
		t.Errorf("a bad secret: %v", err)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Script(fakecallback.Busy(503, "3"), fakecallback.Cut(), fakecallback.TakeThenCut(), fakecallback.Answer(410))
	var got []int
	for range 5 {
		got = append(got, post(t.Context(), t, s, "id-1", `{"text":"once"}`, nil))
	}
	got = append(got, post(t.Context(), t, s, "id-2", `{"text":"twice"}`, nil))
	if want := []int{503, 0, 0, 410, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
	replies := s.Replies()
	if len(replies) != 2 || replies[0].Text != "once" || replies[1].WebhookID != "id-2" {
		t.Errorf("replies %+v", replies)
	}
	calls := s.Calls()
	if len(calls) != 6 || calls[2].Repeat || !calls[3].Repeat || !bytes.Contains(calls[5].Body, []byte("twice")) {
		t.Errorf("calls %+v", calls)
	}
}

func TestForgeries(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, change := range map[string]func(http.Header){
		"wrong signature": func(h http.Header) { h.Set("webhook-signature", "v1,AAAA") },
		"no signature":    func(h http.Header) { h.Del("webhook-signature") },
		"other id":        func(h http.Header) { h.Set("webhook-id", "id-2") },
		"no id":           func(h http.Header) { h.Del("webhook-id") },
		"stale":           func(h http.Header) { h.Set("webhook-timestamp", "1614265330") },
		"no time":         func(h http.Header) { h.Del("webhook-timestamp") },
	} {
		if status := post(t.Context(), t, s, "id-1", `{"text":"x"}`, change); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status := post(t.Context(), t, s, "id-1", `[]`, nil); status != http.StatusBadRequest {
		t.Errorf("no object: %d", status)
	}
	if n := len(s.Replies()); n != 0 {
		t.Errorf("%d replies taken", n)
	}
	for _, c := range s.Calls() {
		if c.Err == nil {
			t.Errorf("a call without its error: %+v", c)
		}
	}
}

func TestHangEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Script(fakecallback.Hang(), fakecallback.TakeThenHang())
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if status := post(ctx, t, s, "id-1", `{"text":"x"}`, nil); status != 0 {
			t.Errorf("answered %d", status)
		}
		cancel()
	}
	if n := len(s.Replies()); n != 1 {
		t.Errorf("%d replies", n)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := start(t)
	done := make(chan int)
	go func() { done <- post(t.Context(), t, s, "id-1", `{"text":"x"}`, nil) }()
	if replies, err := s.WaitReplies(t.Context(), 1); err != nil || len(replies) != 1 {
		t.Errorf("%v, %v", replies, err)
	}
	if calls, err := s.WaitCalls(t.Context(), 1); err != nil || len(calls) != 1 {
		t.Errorf("%v, %v", calls, err)
	}
	<-done
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.WaitReplies(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("waited for what never came: %v", err)
	}
}

// Close ends what hangs and may be called again.
func TestClose(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Script(fakecallback.Hang())
	done := make(chan int)
	go func() { done <- post(t.Context(), t, s, "id-1", `{"text":"x"}`, nil) }()
	if _, err := s.WaitCalls(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if status := <-done; status != 0 {
		t.Errorf("answered %d", status)
	}
}

func TestAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Script(fakecallback.Step{Status: 500, Stall: true, Cut: true}, fakecallback.Answer(200))
	if status := post(t.Context(), t, s, "id-1", `{"text":"x"}`, nil); status != 500 || len(s.Replies()) != 0 {
		t.Errorf("status %d, taken %+v", status, s.Replies())
	}
	if n := s.Unused(); n != 1 {
		t.Errorf("%d steps are left", n)
	}
}
