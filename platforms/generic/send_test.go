package generic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/generic"
)

func alice() platforms.Address {
	return platforms.Address{ChatID: "room", ThreadID: "t1", UserID: "alice", UserKey: "generic:group:alice"}
}

func part(text string) platforms.Part {
	return platforms.Part{Key: "0123456789abcdef-0", Text: text, EventIDs: []string{"evt-1", "evt-2"}}
}

func TestCallback(t *testing.T) {
	t.Parallel()
	program := startProgram(t, secret)
	a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: program.URL()})
	const text = "一 <b> & \"q\"\n👩‍👩‍👧‍👦 \u2028"
	if _, err := a.Send(t.Context(), alice(), part(text)); err != nil {
		t.Fatal(err)
	}
	want := fakecallback.Reply{
		WebhookID: "0123456789abcdef-0", Type: "message.reply", EventID: "evt-1", EventIDs: []string{"evt-1", "evt-2"},
		UserKey: "generic:group:alice", ChatID: "room", ThreadID: "t1", Text: text,
	}
	if got := program.Replies(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	call := program.Calls()[0]
	if got := call.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	var fields map[string]any
	if err := json.Unmarshal(call.Body, &fields); err != nil || len(fields) != 7 {
		t.Errorf("%d fields: %v", len(fields), err)
	}
}

// An event that ends dead is told of as such, and never as a reply.
func TestCallbackOfAnEventThatIsDead(t *testing.T) {
	t.Parallel()
	program := startProgram(t, secret)
	a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: program.URL()})
	p := part("Sorry, the model is out of reach.")
	p.Failed = "model_unavailable"
	if _, err := a.Send(t.Context(), alice(), p); err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"message.failed","event_id":"evt-1","event_ids":["evt-1","evt-2"],"user_key":"generic:group:alice",` +
		`"chat_id":"room","thread_id":"t1","error":{"code":"model_unavailable","message":"Sorry, the model is out of reach."}}`
	if got := string(program.Calls()[0].Body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A part keeps its webhook-id over all attempts; the time is that of each.
func TestRepeatedCallbackIsOneReply(t *testing.T) {
	t.Parallel()
	program := startProgram(t, secret)
	program.Script(fakecallback.TakeThenCut(), fakecallback.Answer(http.StatusInternalServerError))
	clock := now()
	a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: program.URL(), Now: func() time.Time { return clock }})
	for i := range 3 {
		clock = now().Add(time.Duration(i) * time.Minute)
		_, err := a.Send(t.Context(), alice(), part("once"))
		if i < 2 && failure.KindOf(err) != failure.Retry || i == 2 && err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
		f, _, err := a.Find(t.Context(), alice(), part("once"), now())
		if f != platforms.Missing || err != nil {
			t.Fatalf("find: %d, %v", f, err)
		}
	}
	calls := program.Calls()
	if len(calls) != 3 || len(program.Replies()) != 1 {
		t.Fatalf("%d calls, %d replies", len(calls), len(program.Replies()))
	}
	if first, last := calls[0].Header, calls[2].Header; first.Get("webhook-id") != last.Get("webhook-id") ||
		first.Get("webhook-timestamp") == last.Get("webhook-timestamp") {
		t.Errorf("headers %v and %v", first, last)
	}
}

func TestCallbackKinds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		after  string
		kind   failure.Kind
		wait   time.Duration
	}{
		{http.StatusOK, "", 0, 0},
		{http.StatusNoContent, "", 0, 0},
		{http.StatusAccepted, "", 0, 0},
		{http.StatusTooManyRequests, "30", failure.Retry, 30 * time.Second},
		{http.StatusTooManyRequests, "", failure.Retry, 0},
		{http.StatusTooManyRequests, "soon", failure.Retry, 0},
		{http.StatusTooManyRequests, "-5", failure.Retry, 0},
		{http.StatusTooManyRequests, "99999999999999999", failure.Retry, 24 * time.Hour},
		{http.StatusServiceUnavailable, now().Add(90 * time.Second).Format(http.TimeFormat), failure.Retry, 90 * time.Second},
		{http.StatusServiceUnavailable, now().Add(-time.Hour).Format(http.TimeFormat), failure.Retry, 0},
		{http.StatusRequestTimeout, "", failure.Retry, 0},
		{http.StatusInternalServerError, "", failure.Retry, 0},
		{http.StatusNotImplemented, "", failure.Retry, 0},
		{http.StatusGatewayTimeout, "", failure.Retry, 0},
		{http.StatusGone, "", failure.Permanent, 0},
		{http.StatusBadRequest, "", failure.Retry, 0},
		{http.StatusUnauthorized, "", failure.Retry, 0},
		{http.StatusNotFound, "", failure.Retry, 0},
		{http.StatusConflict, "", failure.Retry, 0},
		{http.StatusTooEarly, "7", failure.Retry, 7 * time.Second},
		{http.StatusNotModified, "", failure.Retry, 0},
	} {
		program := startProgram(t, secret)
		program.Script(fakecallback.Busy(tc.status, tc.after))
		a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: program.URL()})
		_, err := a.Send(t.Context(), alice(), part("x"))
		if tc.kind == 0 {
			if err != nil {
				t.Errorf("%d: %v", tc.status, err)
			}
			continue
		}
		if failure.KindOf(err) != tc.kind || failure.WaitOf(err) != tc.wait {
			t.Errorf("%d %q: kind %d, wait %v: %v", tc.status, tc.after, failure.KindOf(err), failure.WaitOf(err), err)
		}
	}
}

func TestCallbackIsNotRedirected(t *testing.T) {
	t.Parallel()
	program, elsewhere := startProgram(t, secret), startProgram(t, secret)
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		program.Script(fakecallback.Answer(status, "Location", elsewhere.URL()))
		for _, client := range []*http.Client{nil, {Timeout: time.Minute}} {
			a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: program.URL(), HTTPClient: client})
			if client != nil {
				program.Script(fakecallback.Answer(status, "Location", elsewhere.URL()))
			}
			if _, err := a.Send(t.Context(), alice(), part("x")); failure.KindOf(err) != failure.Retry {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
	if n := len(elsewhere.Calls()); n != 0 {
		t.Errorf("%d calls went elsewhere", n)
	}
}

func TestCallbackUnreachable(t *testing.T) {
	t.Parallel()
	program := startProgram(t, secret)
	address := strings.Replace(program.URL(), "http://", "http://user:hunter2@", 1) + "?token=hunter2"
	program.Close()
	a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: address})
	_, err := a.Send(t.Context(), alice(), part("x"))
	if failure.KindOf(err) != failure.Retry {
		t.Errorf("%v", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the log would hold a secret: %v", err)
	}
}

// A receiver that never answers is left after fifteen seconds.
func TestCallbackTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdapter(t, generic.Options{
			Secret: secret, CallbackURL: "http://callback.invalid/", Now: time.Now,
			HTTPClient: &http.Client{Transport: silence{}},
		})
		start := time.Now()
		_, err := a.Send(t.Context(), alice(), part("x"))
		if failure.KindOf(err) != failure.Retry || time.Since(start) != 15*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// silence answers nothing.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// An answer without end is not read to the end.
func TestCallbackAnswerIsBounded(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for block := bytes.Repeat([]byte("x"), 1<<16); ; {
			n, err := w.Write(block)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	a := newAdapter(t, generic.Options{Secret: secret, CallbackURL: server.URL})
	if _, err := a.Send(t.Context(), alice(), part("x")); err != nil {
		t.Error(err)
	}
	server.Close() // waits for the handler, which ends when the connection does
	if n := written.Load(); n > 1<<26 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestCallbackSignedWithEverySecret(t *testing.T) {
	t.Parallel()
	for _, expected := range []string{secret, otherSecret} {
		program := startProgram(t, expected)
		a := newAdapter(t, generic.Options{Secret: otherSecret + " " + secret, CallbackURL: program.URL()})
		if _, err := a.Send(t.Context(), alice(), part("x")); err != nil {
			t.Errorf("%v: %v", err, program.Calls()[0].Err)
		}
	}
}

func TestCallbackUnsigned(t *testing.T) {
	t.Parallel()
	program := startProgram(t, "")
	a := newAdapter(t, generic.Options{CallbackURL: program.URL()})
	if _, err := a.Send(t.Context(), alice(), platforms.Part{Key: "k-0", Text: "x"}); err != nil {
		t.Fatal(err)
	}
	call := program.Calls()[0]
	if call.WebhookID != "k-0" || len(call.Header.Values("webhook-signature")) != 0 {
		t.Errorf("headers %v", call.Header)
	}
	if !bytes.Contains(call.Body, []byte(`"event_ids":[]`)) {
		t.Errorf("body %s", call.Body)
	}
}

func TestWithoutCallbackNothingIsSent(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{HTTPClient: &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			t.Error("it dials")
			return nil, net.ErrClosed
		},
	}}})
	id, err := a.Send(t.Context(), alice(), part("x"))
	if id != "" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

func TestSplitKeepsTheReplyWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1_000_000)
	if got := newAdapter(t, generic.Options{CallbackURL: "http://127.0.0.1:1/"}).Split(long); len(got) != 1 || got[0] != long {
		t.Errorf("%d parts", len(got))
	}
	if !newAdapter(t, generic.Options{}).Silent() {
		t.Error("without a callback there is something to send")
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	program := startProgram(t, secret)
	var log bytes.Buffer
	a := newAdapter(t, generic.Options{
		Secret: secret, CallbackURL: program.URL() + "?token=hunter2",
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if _, err := a.Send(t.Context(), alice(), part("private words")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "status=200") {
		t.Errorf("nothing is logged: %s", log.String())
	}
	for _, hidden := range []string{"hunter2", "private words", "whsec_", "v1,"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("%q is logged: %s", hidden, log.String())
		}
	}
}
