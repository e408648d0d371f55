package fakeslack_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

func code(t *testing.T, s *fakeslack.Server, method string, args map[string]string) any {
	t.Helper()
	form := url.Values{"token": {fakeslack.DefaultToken}}
	for name, value := range args {
		form.Set(name, value)
	}
	answer := post(t, s, method, form)
	if answer["ok"] == true {
		return "ok"
	}
	return answer["error"]
}

// What a stream began with, text or chunks, it goes on with.
func TestFormOfAStream(t *testing.T) {
	t.Parallel()
	text, chunks := map[string]string{"markdown_text": "a"}, map[string]string{"chunks": `[{"type":"markdown_text","text":"a"}]`}
	const mismatch = "streaming_mode_mismatch"
	for name, c := range map[string]struct {
		start           map[string]string
		add             []map[string]string
		want, otherwise any // of text, of chunks
	}{
		"text":              {text, nil, "ok", mismatch},
		"chunks":            {chunks, nil, mismatch, "ok"},
		"bare, then text":   {nil, []map[string]string{text}, "ok", mismatch},
		"bare, then chunks": {nil, []map[string]string{chunks}, mismatch, "ok"},
	} {
		s := fakeslack.New(t, fakeslack.Options{})
		begin := map[string]string{"channel": "D1", "thread_ts": "1.1"}
		maps.Copy(begin, c.start)
		if got := code(t, s, fakeslack.ChatStartStream, begin); got != "ok" {
			t.Fatalf("%s: started: %v", name, got)
		}
		with := func(more map[string]string) map[string]string {
			args := map[string]string{"channel": "D1", "ts": s.Messages()[0].TS}
			maps.Copy(args, more)
			return args
		}
		for _, first := range c.add {
			if got := code(t, s, fakeslack.ChatAppendStream, with(first)); got != "ok" {
				t.Errorf("%s: %v", name, got)
			}
		}
		before := s.Messages()[0].Text
		for form, want := range map[string]any{"markdown_text": c.want, "chunks": c.otherwise} {
			args := map[string]map[string]string{"markdown_text": text, "chunks": chunks}[form]
			if got := code(t, s, fakeslack.ChatAppendStream, with(args)); got != want {
				t.Errorf("%s, then %s: %v", name, form, got)
			}
		}
		if got := s.Messages()[0].Text; got != before+"a" {
			t.Errorf("%s: %q", name, got)
		}
		if got := code(t, s, fakeslack.ChatStopStream, with(nil)); got != "ok" {
			t.Errorf("%s: stopped: %v", name, got)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	session := func(more ...string) map[string]string {
		args := map[string]string{"channel_id": "D1", "thread_ts": "1.1"}
		for i := 0; i < len(more); i += 2 {
			args[more[i]] = more[i+1]
		}
		return args
	}
	for _, c := range []struct {
		method string
		args   map[string]string
		want   any
	}{
		{fakeslack.SessionRename, session("title", "early"), "session_not_found"},
		{fakeslack.SessionStatus, session("status", "processing", "title", "first"), "ok"},
		{fakeslack.SessionRename, session(), "invalid_arguments"},
		{fakeslack.SessionRename, session("title", strings.Repeat("長", 201)), "invalid_arguments"},
		{fakeslack.SessionRename, session("title", "second"), "ok"},
		{fakeslack.SessionStatus, session("status", "busy"), "invalid_arguments"},
	} {
		if got := code(t, s, c.method, c.args); got != c.want {
			t.Errorf("%s %v: %v", c.method, c.args, got)
		}
	}
	if s.Title("D1", "1.1") != "second" || s.Session("D1", "1.1") != "processing" {
		t.Errorf("%q is %s", s.Title("D1", "1.1"), s.Session("D1", "1.1"))
	}
	s.Grant("assistant:write")
	for _, method := range []string{fakeslack.SessionStatus, fakeslack.SessionRename} {
		if got := code(t, s, method, session("status", "active", "title", "third")); got != "missing_scope" {
			t.Errorf("%s without the scope: %v", method, got)
		}
	}
}

// The history of a few people's channel may be read with the scope of either name.
func TestScopesOfHistory(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	for scope, reads := range map[string]string{
		"im:history": "D", "mpim:history": "G", "groups:history": "CG", "channels:history": "C", "chat:write": "",
	} {
		s.Grant(scope)
		for _, kind := range []string{"C", "D", "G"} {
			want := any("missing_scope")
			if strings.Contains(reads, kind) {
				want = "ok"
			}
			if got := code(t, s, fakeslack.ConversationsHistory, map[string]string{"channel": kind + "1"}); got != want {
				t.Errorf("%s reads %s: %v", scope, kind, got)
			}
		}
	}
}
