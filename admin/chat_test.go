package admin_test

import (
	"context"
	"errors"
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/failure"
)

func say(body string) request {
	return request{method: "POST", path: "/chat/messages", body: body, header: merge(bearer(), "Content-Type", "application/json")}
}

func TestSay(t *testing.T) {
	t.Parallel()
	b := newBench()
	w := b.do(t, say(`{"id":"abc-1","text":"hi\nyou"}`))
	want := "event: delta\ndata: {\"text\":\"Hel\"}\n\n" +
		"event: delta\ndata: {\"text\":\"lo\"}\n\n" +
		"event: view\ndata: [{\"tag\":\"p\",\"nodes\":[{\"text\":\"Hello\"}]}]\n\nevent: done\ndata: {\"event_id\":\"abc-1\",\"user_key\":\"web:private:local\",\"status\":\"completed\"," +
		"\"reply\":{\"text\":\"Hello\",\"message_id\":2,\"tokens\":3},\"error\":null}\n\n"
	if got := w.Body.String(); got != want || w.Code != http.StatusOK {
		t.Errorf("%d\n got %q\nwant %q", w.Code, got, want)
	}
	b.do(t, say(`{"id":"abc-2","text":"hi","locale":"de-AT"}`))
	if want := []string{"abc-1 hi\nyou", "abc-2 hi (de-AT)"}; !slices.Equal(b.chat.said, want) {
		t.Errorf("said %q, want %q", b.chat.said, want)
	}
}

func TestSayRefuses(t *testing.T) {
	t.Parallel()
	b := newBench()
	for _, tt := range []struct {
		name, body, kind string
		want             int
	}{
		{"no JSON", "hello", "application/json", 400},
		{"wrong type", `{"id":1,"text":"x"}`, "application/json", 400},
		{"two objects", `{"id":"1","text":"x"}{}`, "application/json", 400},
		{"number as locale", `{"id":"1","text":"x","locale":1}`, "application/json", 400},
		{"no text", `{"id":"1","text":" \n "}`, "application/json", 400},
		{"no id", `{"text":"x"}`, "application/json", 400},
		{"bad id", `{"id":"a b","text":"x"}`, "application/json", 400},
		{"long id", `{"id":"` + strings.Repeat("a", 65) + `","text":"x"}`, "application/json", 400},
		{"form", `{"id":"1","text":"x"}`, "text/plain", 400},
		{"no type", `{"id":"1","text":"x"}`, "", 400},
		{"huge", `{"id":"1","text":"` + strings.Repeat("x", 300<<10) + `"}`, "application/json", 413},
		{"with a charset", `{"id":"1","text":"x"}`, "application/json; charset=utf-8", 200},
	} {
		q := say(tt.body)
		q.header["Content-Type"] = tt.kind
		if w := b.do(t, q); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d: %s", tt.name, w.Code, tt.want, w.Body)
		}
	}
	if len(b.chat.said) != 1 {
		t.Errorf("said %q", b.chat.said)
	}
}

func TestSayFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("dial tcp 10.0.0.1: secret")
	for _, tt := range []struct {
		name   string
		first  string // a delta before the end
		status gateway.Status
		err    error
		code   int
		end    string
	}{
		{"not stored", "", gateway.Status{}, failure.New(failure.Unavailable, "database_busy", "the database is busy", broken), 503, `{"error":{"code":"database_busy","message":"the database is busy"}}`},
		{"breaks at once", "", gateway.Status{}, broken, 500, `{"error":{"code":"internal","message":"something went wrong on our side"}}`},
		{"breaks later", "Hel", gateway.Status{}, broken, 200, "event: error\ndata: {\"error\":{\"code\":\"internal\",\"message\":\"something went wrong on our side\"},\"final\":false}"},
		{"dead", "", gateway.Status{Status: gateway.StatusDead, Error: &gateway.StatusError{Code: "gave_up", Message: "no answer"}}, nil, 200, "event: error\ndata: {\"error\":{\"code\":\"gave_up\",\"message\":\"no answer\"},\"final\":true}"},
		{"ignored", "", gateway.Status{Status: gateway.StatusIgnored}, nil, 200, "event: error\ndata: {\"error\":{\"code\":\"ignored\",\"message\":\"This message gets no reply.\"},\"final\":true}"},
		{"failed for now", "", gateway.Status{Status: gateway.StatusFailed}, nil, 200, "event: error\ndata: {\"error\":{\"code\":\"timeout\",\"message\":\"The reply is not ready yet; it is still being generated.\"},\"final\":false}"},
		{"stopping", "", gateway.Status{}, context.Canceled, 200, "event: error\ndata: {\"error\":{\"code\":\"timeout\",\"message\":\"The reply is not ready yet; it is still being generated.\"},\"final\":false}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			b.chat.say = func(_ context.Context, onDelta func(string)) (gateway.Status, error) {
				if tt.first != "" {
					onDelta(tt.first)
				}
				return tt.status, tt.err
			}
			w := b.do(t, say(`{"id":"1","text":"x"}`))
			if w.Code != tt.code || !strings.HasSuffix(strings.TrimSpace(w.Body.String()), tt.end) {
				t.Errorf("got %d %s\nwant %d %s", w.Code, w.Body, tt.code, tt.end)
			}
		})
	}
}

func TestSayHasATimeLimitAndIsKeptAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.chat.say = func(ctx context.Context, _ func(string)) (gateway.Status, error) {
			<-ctx.Done()
			return gateway.Status{}, ctx.Err()
		}
		start := time.Now()
		w := b.do(t, say(`{"id":"1","text":"x"}`))
		if got := time.Since(start); got != 16*time.Minute {
			t.Errorf("took %s, want 16m", got)
		}
		if got := strings.Count(w.Body.String(), ":\n\n"); got < 62 {
			t.Errorf("%d comments in 16 minutes, want one every 15 s", got)
		}
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	b := newBench()
	if w := b.do(t, request{path: "/chat/messages", header: bearer()}); strings.TrimSpace(w.Body.String()) != `{"items":[],"next_cursor":""}` {
		t.Errorf("empty: %s", w.Body)
	}
	at := time.Date(2026, 11, 20, 13, 0, 0, 0, time.FixedZone("", 3600))
	b.chat.history = []conversation.Message{
		{Role: conversation.RoleUser, Content: "/help", Timestamp: at, Metadata: map[string]any{"command": "help"}},
		{Role: conversation.RoleTool, Content: "internal", Timestamp: at},
		{Role: conversation.RoleSystem, Content: "internal", Timestamp: at},
		{Role: conversation.RoleAssistant, Content: "<b>Hi</b>", Timestamp: at, Metadata: map[string]any{"command": ""}},
	}
	want := `{"items":[{"role":"user","text":"/help","at":"2026-11-20T12:00:00Z","command":true},` +
		`{"role":"assistant","text":"\u003cb\u003eHi\u003c/b\u003e","view":[{"tag":"p","nodes":[{"text":"\u003cb\u003eHi\u003c/b\u003e"}]}],"at":"2026-11-20T12:00:00Z","command":false}],"next_cursor":""}`
	if w := b.do(t, request{path: "/chat/messages", header: bearer()}); strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("got %s\nwant %s", w.Body, want)
	}
	if b.chat.limit != 100 {
		t.Errorf("asked for %d messages, want 100", b.chat.limit)
	}
	b.chat.err = errors.New("secret")
	if w := b.do(t, request{path: "/chat/messages", header: bearer()}); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("broken: %d %s", w.Code, w.Body)
	}
}

func TestPageUsesNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	b := &bench{Handler: admin.New(admin.Options{Door: door(), Chat: &fakeChat{}, CommandPrefix: `"<!`})}
	pages := b.do(t, request{path: "/", header: bearer()}).Body.String() + b.do(t, request{path: "/login"}).Body.String() +
		b.do(t, request{path: "/static/chat.css"}).Body.String() + b.do(t, request{path: "/static/chat.js"}).Body.String()
	for _, bad := range []string{"https://", "http://", "@import", "innerHTML", "<style", " style=", "onclick=\""} {
		if strings.Contains(pages, bad) {
			t.Errorf("a page holds %s", bad)
		}
	}
	if strings.Contains(pages, `"<!help`) || !strings.Contains(pages, html.EscapeString(`"<!`)+"help") {
		t.Error("the prefix is not escaped, or not there")
	}
}
