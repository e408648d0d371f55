package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/web"
)

const (
	receiptOfEvent = `{"status":"accepted","event_id":"evt-1","user_key":"generic:private:alice"}`
	replyToEvent   = `{"status":"completed","event_id":"evt-1","user_key":"generic:private:alice","reply":{"text":"hi there","message_id":7,"tokens":12}}`
)

func TestPreferWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, prefer string
		status       gateway.Status
		err          error
		code         int
		body         string
		applied      string
	}{
		{"in time", "wait=10", completedEvent(), nil, 200, replyToEvent, "wait=10"},
		{"too long a wait", "wait=999999999999999999999", completedEvent(), nil, 200, replyToEvent, "wait=120"},
		{"no preference", "respond-async", completedEvent(), nil, 202, receiptOfEvent, ""},
		{"nonsense", "wait=soon", completedEvent(), nil, 202, receiptOfEvent, ""},
		{"waiting breaks", "wait=10", gateway.Status{}, errors.New("listener lost"), 202, receiptOfEvent, "wait=10"},
		{"still failing", "wait=10", gateway.Status{EventID: "evt-1", Status: gateway.StatusFailed}, nil, 202, receiptOfEvent, "wait=10"},
		{
			"dead", "wait=10",
			gateway.Status{EventID: "evt-1", UserKey: "generic:private:alice", Status: gateway.StatusDead, Error: &gateway.StatusError{Code: "gave_up", Message: "the model did not answer"}},
			nil, 200,
			`{"status":"dead","event_id":"evt-1","user_key":"generic:private:alice","reply":null,"error":{"code":"gave_up","message":"the model did not answer"}}`, "wait=10",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.gateway.wait = func(context.Context, inbox.Accepted, func(string)) (gateway.Status, error) {
				return tt.status, tt.err
			}
			for range 2 { // a repeated delivery is answered like the first
				w := b.do("POST", "/webhooks/generic", event, "Prefer", tt.prefer)
				if w.Code != tt.code {
					t.Errorf("status %d, want %d", w.Code, tt.code)
				}
				wantJSON(t, w.Body.String(), tt.body)
				if got := w.Header().Get("Preference-Applied"); got != tt.applied {
					t.Errorf("Preference-Applied %q, want %q", got, tt.applied)
				}
			}
			if b.gateway.count() != 1 {
				t.Errorf("%d events stored, want 1", b.gateway.count())
			}
		})
	}
}

func completedEvent() gateway.Status {
	return completed(inbox.Accepted{EventID: "evt-1", UserKey: "generic:private:alice"})
}

// forever waits as a gateway does whose reply never comes.
func forever(ctx context.Context, _ inbox.Accepted, _ func(string)) (gateway.Status, error) {
	<-ctx.Done()
	return gateway.Status{}, fmt.Errorf("waiting: %w", ctx.Err())
}

func TestWaitEndsInTime(t *testing.T) {
	t.Parallel()
	for prefer, want := range map[string]time.Duration{
		"wait=7": 7 * time.Second, "wait=500": 120 * time.Second, "wait=0": 0, `respond-async, wait="3"`: 3 * time.Second,
	} {
		t.Run(prefer, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.gateway.wait = forever
				start := time.Now()
				w := b.do("POST", "/webhooks/generic", event, "Prefer", prefer)
				if got := time.Since(start); got != want {
					t.Errorf("waited %s, want %s", got, want)
				}
				if w.Code != http.StatusAccepted {
					t.Errorf("status %d, want 202", w.Code)
				}
			})
		})
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.gateway.wait = func(_ context.Context, a inbox.Accepted, onDelta func(string)) (gateway.Status, error) {
		onDelta("hi")
		onDelta("\nthere")
		return completed(a), nil
	}
	w := b.do("POST", "/webhooks/generic", event, "Accept", "text/event-stream")
	want := ":\n\n" +
		"event: delta\ndata: {\"text\":\"hi\"}\n\n" +
		"event: delta\ndata: {\"text\":\"\\nthere\"}\n\n" +
		"event: done\ndata: " + replyToEvent + "\n\n"
	if got := w.Body.String(); got != want {
		t.Errorf("stream\n got %q\nwant %q", got, want)
	}
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("status %d, type %q", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestStreamErrors(t *testing.T) {
	t.Parallel()
	timeout := `event: error
data: {"error":{"code":"timeout","message":"the reply is not ready yet; get it later from /webhooks/generic/events/evt-1"},"status":"accepted","event_id":"evt-1","user_key":"generic:private:alice"}`
	for _, tt := range []struct {
		name string
		wait func(context.Context, inbox.Accepted, func(string)) (gateway.Status, error)
		took time.Duration
		last string
	}{
		{"no reply in time", forever, 16 * time.Minute, timeout},
		{"waiting breaks", func(context.Context, inbox.Accepted, func(string)) (gateway.Status, error) {
			return gateway.Status{}, errors.New("listener lost at db.internal")
		}, 0, timeout},
		{"ignored", func(context.Context, inbox.Accepted, func(string)) (gateway.Status, error) {
			return gateway.Status{EventID: "evt-1", Status: gateway.StatusIgnored}, nil
		}, 0, `event: error
data: {"error":{"code":"ignored","message":"this event gets no reply"},"status":"ignored","event_id":"evt-1","user_key":"generic:private:alice"}`},
		{"dead", func(context.Context, inbox.Accepted, func(string)) (gateway.Status, error) {
			return gateway.Status{Status: gateway.StatusDead, Error: &gateway.StatusError{Code: "gave_up", Message: "no answer"}}, nil
		}, 0, `event: error
data: {"error":{"code":"gave_up","message":"no answer"},"status":"dead","event_id":"evt-1","user_key":"generic:private:alice"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.gateway.wait = tt.wait
				start := time.Now()
				w := b.do("POST", "/webhooks/generic", event, "Accept", "text/event-stream")
				if got := time.Since(start); got != tt.took {
					t.Errorf("took %s, want %s", got, tt.took)
				}
				frames := strings.TrimSuffix(w.Body.String(), "\n\n")
				if !strings.HasSuffix(frames, tt.last) {
					t.Errorf("stream %q does not end with %q", frames, tt.last)
				}
				// One comment at the start, then one every 15 s (at 16 min the end comes first or last).
				if got, least := strings.Count(frames, ":\n\n"), 1+int(tt.took/(15*time.Second))-1; tt.took > 0 && got < least {
					t.Errorf("%d comments, want at least %d", got, least)
				}
			})
		})
	}
}

func TestStreamTimeFollowsPrefer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.gateway.wait = forever
		start := time.Now()
		b.do("POST", "/webhooks/generic", event, "Accept", "text/event-stream", "Prefer", "wait=4")
		if got := time.Since(start); got != 4*time.Second {
			t.Errorf("took %s, want 4s", got)
		}
	})
}

func TestNothingIsStreamedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.gateway.acceptErr = errors.New("disk full")
	w := b.do("POST", "/webhooks/generic", event, "Accept", "text/event-stream")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d, type %q", w.Code, w.Header().Get("Content-Type"))
	}
}

// TestStreamIsFlushed reads each delta over a real connection before the next
// one is made.
func TestStreamIsFlushed(t *testing.T) {
	t.Parallel()
	next, seen := make(chan struct{}), make(chan error, 1)
	b := newBench(t, func(o *web.Options) { o.KeepAlive = time.Millisecond })
	b.gateway.wait = func(ctx context.Context, a inbox.Accepted, onDelta func(string)) (gateway.Status, error) {
		for range 3 {
			onDelta("piece")
			select {
			case <-next:
			case <-ctx.Done():
				return gateway.Status{}, ctx.Err()
			}
		}
		onDelta("last")
		<-ctx.Done() // the client goes away
		seen <- ctx.Err()
		return gateway.Status{}, ctx.Err()
	}
	url, _ := b.serve(t)
	ctx, leave := context.WithTimeout(t.Context(), patience)
	defer leave()
	lines := openStream(ctx, t, url)
	for range 3 {
		readUntil(t, lines, `data: {"text":"piece"}`)
		next <- struct{}{}
	}
	readUntil(t, lines, `data: {"text":"last"}`)
	readUntil(t, lines, ":") // kept alive
	leave()
	select {
	case err := <-seen:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the wait ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the wait goes on after the client has left")
	}
	if b.gateway.count() != 1 {
		t.Error("the event is not stored")
	}
}

func openStream(ctx context.Context, t *testing.T, url string) *bufio.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/generic", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Signed", "yes")
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewReader(resp.Body)
}

func readUntil(t *testing.T, lines *bufio.Reader, want string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for %q: %v", want, err)
		}
		if strings.TrimSpace(line) == want {
			return
		}
	}
}

// An id that belongs to another message is refused, in whatever form the answer
// was wanted, and gives away nothing of that message's reply. A platform's
// repeat stays a repeat.
func TestReusedID(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	other := strings.Replace(event, "hello", "something else", 1)
	for _, headers := range [][]string{nil, {"Prefer", "wait=5"}, {"Accept", "text/event-stream"}} {
		if w := b.do("POST", "/webhooks/generic", event); w.Code != http.StatusAccepted {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		w := b.do("POST", "/webhooks/generic", other, headers...)
		if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"code":"id_reused"`) || strings.Contains(w.Body.String(), "hi there") {
			t.Errorf("%v: %d %s, want 409 id_reused", headers, w.Code, w.Body)
		}
	}
	for _, body := range []string{event, other} {
		if w := b.do("POST", "/webhooks/slack", body); w.Code != http.StatusOK {
			t.Errorf("slack: %d %s", w.Code, w.Body)
		}
	}
	if w := b.do("POST", "/webhooks/generic/shop", other); w.Code != http.StatusAccepted {
		t.Errorf("another source's same id: %d %s", w.Code, w.Body)
	}
}

// TestStopping: who waits is told at once, and readiness says no.
func TestStopping(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{}, 2)
	b := newBench(t, nil)
	b.gateway.wait = func(ctx context.Context, a inbox.Accepted, d func(string)) (gateway.Status, error) {
		waiting <- struct{}{}
		return forever(ctx, a, d)
	}
	url, stop := b.serve(t)
	stream := openStream(t.Context(), t, url)
	answered := make(chan string, 1)
	go func() { answered <- postWaiting(t, url) }()
	<-waiting
	<-waiting
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	rest, _ := io.ReadAll(stream)
	if !strings.Contains(string(rest), `event: error`) {
		t.Errorf("the stream ended with %q", rest)
	}
	if got := <-answered; got != "202 "+receiptOfEvent {
		t.Errorf("who waited got %q", got)
	}
	if w := b.do("GET", "/readyz", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz %d, want 503", w.Code)
	}
}

func postWaiting(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/webhooks/generic", strings.NewReader(event))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("X-Signed", "yes")
	r.Header.Set("Prefer", "wait=60")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(body)))
}

// TestGraceEnds: a handler that does not end is cut off.
func TestGraceEnds(t *testing.T) {
	t.Parallel()
	inside, gone := make(chan struct{}), make(chan struct{})
	b := newBench(t, func(o *web.Options) {
		o.Grace = 10 * time.Millisecond
		o.Admin = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(inside)
			<-r.Context().Done()
			close(gone)
		})
	})
	url, stop := b.serve(t)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/slow", nil)
		if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}()
	<-inside
	if err := stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve: %v, want the grace to have ended", err)
	}
	<-gone
}
