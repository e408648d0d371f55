package respond_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/respond"
)

func TestFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		body   string
	}{
		{failure.New(failure.Invalid, "bad_text", "no text", nil), 400, `{"error":{"code":"bad_text","message":"no text"}}`},
		{failure.New(failure.Unauthorized, "sig", "no", nil), 401, `{"error":{"code":"sig","message":"no"}}`},
		{failure.New(failure.NotFound, "nf", "no", nil), 404, `{"error":{"code":"nf","message":"no"}}`},
		{failure.New(failure.Conflict, "cf", "no", nil), 409, `{"error":{"code":"cf","message":"no"}}`},
		{failure.New(failure.TooLarge, "tl", "no", nil), 413, `{"error":{"code":"tl","message":"no"}}`},
		{failure.New(failure.Unavailable, "un", "no", errors.New("secret dsn")), 503, `{"error":{"code":"un","message":"no"}}`},
		{failure.RetryAfter(time.Minute, "rl", "no", nil), 503, `{"error":{"code":"rl","message":"no"}}`},
		{failure.New(failure.Ambiguous, "am", "no", nil), 500, `{"error":{"code":"am","message":"no"}}`},
		{errors.New("secret dsn"), 500, `{"error":{"code":"internal","message":"something went wrong on our side"}}`},
	} {
		w := httptest.NewRecorder()
		if got := respond.Fail(w, tt.err); got != tt.status || w.Code != tt.status {
			t.Errorf("%v: status %d, written %d, want %d", tt.err, got, w.Code, tt.status)
		}
		if got := strings.TrimSpace(w.Body.String()); got != tt.body {
			t.Errorf("%v: body %s, want %s", tt.err, got, tt.body)
		}
		if got, want := w.Header().Get("Retry-After") != "", tt.status == 503; got != want {
			t.Errorf("%v: Retry-After present %t, want %t", tt.err, got, want)
		}
	}
}

func TestJSONOfSomethingThatHasNone(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	respond.JSON(w, http.StatusOK, func() {})
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"internal"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestStreamFrames(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	stream := respond.NewStream(w)
	if stream.Started() {
		t.Error("started before the first event")
	}
	if err := stream.Send("delta", map[string]string{"text": "one\ntwo\r\n\n"}); err != nil {
		t.Fatal(err)
	}
	if err := stream.Start(); err != nil { // late: changes nothing
		t.Fatal(err)
	}
	want := "event: delta\ndata: {\"text\":\"one\\ntwo\\r\\n\\n\"}\n\n"
	if got := w.Body.String(); got != want {
		t.Errorf("frames %q, want %q", got, want)
	}
	if got := w.Header().Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	if !stream.Started() || !w.Flushed {
		t.Error("not started or not flushed")
	}
	if err := stream.Send("bad", func() {}); err == nil {
		t.Error("a function has no JSON, yet no error")
	}
}

func TestStreamStaysSilentAfterAFailure(t *testing.T) {
	t.Parallel()
	w := &brokenWriter{ResponseRecorder: httptest.NewRecorder()}
	stream := respond.NewStream(w)
	if err := stream.Start(); err == nil {
		t.Fatal("no error from a broken connection")
	}
	if err := stream.Send("delta", 1); err == nil {
		t.Error("no error after a failure")
	}
	if w.writes != 1 {
		t.Errorf("%d writes, want 1", w.writes)
	}
}

type brokenWriter struct {
	*httptest.ResponseRecorder

	writes int
}

func (b *brokenWriter) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("broken pipe")
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		stream := respond.NewStream(w)
		stop := stream.KeepAlive(t.Context(), 15*time.Second)
		<-time.After(46 * time.Second)
		stop()
		if got, want := w.Body.String(), ":\n\n:\n\n:\n\n"; got != want {
			t.Errorf("after 46 s %q, want %q", got, want)
		}
		<-time.After(time.Minute)
		if got := w.Body.Len(); got != 9 {
			t.Errorf("%d bytes after stop, want 9", got)
		}
	})
}

func TestKeepAliveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stop := respond.NewStream(httptest.NewRecorder()).KeepAlive(ctx, time.Second)
		cancel()
		synctest.Wait() // the goroutine is gone, or the bubble would not end without stop
		stop()
	})
}
