package generic_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/generic"
	"github.com/parley-bot/parley/platforms/platformtest"
)

// Secrets of 32 bytes; the first is the example of the Standard Webhooks
// libraries, of 24 bytes.
const (
	exampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secret        = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	otherSecret   = "whsec_HxwdHh8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRo="
)

func now() time.Time { return time.Unix(1_800_000_000, 0).UTC() }

func newAdapter(t *testing.T, o generic.Options) *generic.Adapter {
	t.Helper()
	if o.Name == "" {
		o.Name = "generic"
	}
	if o.Now == nil {
		o.Now = now
	}
	a, err := generic.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signed returns what arrives of a request signed by a program.
func signed(t *testing.T, secret, id string, at time.Time, body string) platforms.Request {
	t.Helper()
	r, err := fakecallback.SignedRequest(t.Context(), secret, id, at, "http://parley.invalid/webhooks/generic", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return platforms.Request{Header: r.Header, Body: []byte(body), Now: now()}
}

func startProgram(t *testing.T, secret string) *fakecallback.Server {
	t.Helper()
	s, err := fakecallback.Start(fakecallback.Options{Secret: secret, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func messageBody(text string) string {
	return `{"sender_id":"alice","text":"` + text + `"}`
}

func TestContract(t *testing.T) {
	t.Parallel()
	program := startProgram(t, secret)
	next := func(steps ...fakecallback.Step) func() { return func() { program.Script(steps...) } }
	platformtest.Test(t, platformtest.Harness{
		Adapter:  newAdapter(t, generic.Options{Secret: secret, CallbackURL: program.URL()}),
		Platform: "generic",
		Now:      now(),
		MaxAge:   5 * time.Minute,
		MaxAhead: 5 * time.Minute,
		Request: func(t *testing.T, at time.Time, m platformtest.Message) platforms.Request {
			t.Helper()
			return signed(t, secret, m.EventID, at, messageBody(m.Text))
		},
		Sign: func(t *testing.T, at time.Time, body []byte) platforms.Request {
			t.Helper()
			return signed(t, secret, "event-1", at, string(body))
		},
		Naming:  []byte(`{"sender_id":"alice","text":"/kudos @bob","metadata":{"mentions":[{"id":"u2","text":"@bob"},"odd",{"id":7}]}}`),
		Named:   platforms.Mention{ID: "u2", Text: "@bob"},
		Proof:   []string{fakecallback.HeaderID, fakecallback.HeaderTimestamp, fakecallback.HeaderSignature},
		Address: platforms.Address{ChatID: "alice", UserID: "alice", UserKey: "generic:private:alice"},
		Shown: func() []string {
			var texts []string
			for _, r := range program.Replies() {
				texts = append(texts, r.Text)
			}
			return texts
		},
		Faults: []platformtest.Fault{
			{Name: "busy", Arrange: next(fakecallback.Busy(http.StatusTooManyRequests, "7")), Kind: failure.Retry, Wait: 7 * time.Second},
			{Name: "unavailable", Arrange: next(fakecallback.Answer(http.StatusServiceUnavailable)), Kind: failure.Retry},
			{Name: "cut", Arrange: next(fakecallback.Cut()), Kind: failure.Retry},
			{Name: "taken and cut", Arrange: next(fakecallback.TakeThenCut()), Kind: failure.Retry},
			{Name: "taken and hanging", Arrange: next(fakecallback.TakeThenHang()), Timeout: 50 * time.Millisecond, Kind: failure.Retry},
			{Name: "gone", Arrange: next(fakecallback.Answer(http.StatusGone)), Kind: failure.Permanent},
		},
	})
}
