package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// onEachDatabase gives fn a real store with nothing in it, on every database.
func onEachDatabase(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			store, err := conversation.Open(t.Context(), conversation.Options{DBURL: dbtest.URL(t, engine)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			fn(t, &bench{Handler: admin.New(admin.Options{Door: door(), Conversations: store, SpoolDir: t.TempDir()})})
		})
	}
}

// call makes a request with the token and returns the body after checking the status.
func (b *bench) call(t *testing.T, status int, method, path, body string) string {
	t.Helper()
	w := b.do(t, request{method: method, path: path, body: body, header: bearer()})
	if w.Code != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	return strings.TrimSpace(w.Body.String())
}

// page is one answer of a list.
type page struct {
	Items []struct {
		ID      int64  `json:"id"`
		UserKey string `json:"user_key"`
		Content string `json:"content"`
	} `json:"items"`
	NextCursor string `json:"next_cursor"`
}

func (b *bench) page(t *testing.T, path string) (p page) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.call(t, 200, "GET", path, "")), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func archiveOf(person, platform string, texts ...string) string {
	msgs := make([]string, len(texts))
	for i, text := range texts {
		msgs[i] = fmt.Sprintf(`{"role":"user","content":%q,"timestamp":"2026-01-02T03:04:05Z","tokens":1}`, text)
	}
	return fmt.Sprintf(`{"conversation":{"user_key":%q,"platform":%q,"created_at":"2026-01-02T03:04:05Z","last_activity":"2026-01-02T03:04:05Z"},"messages":[%s]}`,
		person, platform, strings.Join(msgs, ","))
}

func TestConversationsLife(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, conversationsLife)
}

func conversationsLife(t *testing.T, b *bench) {
	t.Helper()
	const one = "/api/v1/conversations/1"
	if got := b.call(t, 200, "GET", "/api/v1/conversations", ""); got != `{"items":[],"next_cursor":""}` {
		t.Errorf("no conversations: %s", got)
	}
	made := b.call(t, 201, "POST", "/api/v1/conversations/import", archiveOf("slack:alice", "slack", "one", "two", "<three>"))
	want := `{"id":1,"user_key":"slack:alice","platform":"slack","chat_id":"","created_at":"2026-01-02T03:04:05Z",` +
		`"last_activity":"2026-01-02T03:04:05Z","summary":null,"total_tokens":3,"message_count":3,"tenant":"","thread_id":"","model":"","persona":""}`
	if made != want {
		t.Errorf("imported\n got %s\nwant %s", made, want)
	}
	if got := b.call(t, 200, "GET", one, ""); got != want {
		t.Errorf("conversation 1\n got %s\nwant %s", got, want)
	}
	first := b.page(t, one+"/messages?limit=2")
	if len(first.Items) != 2 || first.Items[0].Content != "one" || first.NextCursor == "" {
		t.Errorf("first page %+v", first)
	}
	last := b.page(t, one+"/messages?limit=2&cursor="+first.NextCursor)
	if len(last.Items) != 1 || last.Items[0].Content != "<three>" || last.NextCursor != "" {
		t.Errorf("last page %+v", last)
	}
	exported := b.call(t, 200, "GET", one+"/export", "")
	b.call(t, 204, "DELETE", one, "")
	b.call(t, 404, "GET", one, "")
	b.call(t, 201, "POST", "/api/v1/conversations/import?mode=merge", exported)
	again := b.call(t, 200, "GET", "/api/v1/conversations/2/export", "")
	if again != strings.Replace(exported, `"id":1,"user_key"`, `"id":2,"user_key"`, 1) {
		t.Errorf("export, import, export\n got %s\nwant %s", again, exported)
	}
	if got := b.call(t, 200, "POST", "/api/v1/conversations/2/clear", ""); !strings.Contains(got, `"message_count":0`) {
		t.Errorf("cleared: %s", got)
	}
	if got := b.call(t, 200, "GET", "/api/v1/conversations/2/messages", ""); got != `{"items":[],"next_cursor":""}` {
		t.Errorf("messages after clear: %s", got)
	}
}

func TestConversationsAreChosen(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, conversationsAreChosen)
}

func conversationsAreChosen(t *testing.T, b *bench) {
	t.Helper()
	for _, body := range []string{archiveOf("slack:alice", "slack", "apples"), archiveOf("feishu:bob", "feishu", "pears"), archiveOf("slack:carol", "slack", "pears")} {
		b.call(t, 201, "POST", "/api/v1/conversations/import", body)
	}
	for query, want := range map[string]string{
		"":                        "slack:carol feishu:bob slack:alice",
		"platform=slack":          "slack:carol slack:alice",
		"user_key=feishu:bob":     "feishu:bob",
		"q=PEARS":                 "slack:carol feishu:bob",
		"q=pears&platform=slack":  "slack:carol",
		"user_key=slack:ali":      "",
		"limit=1":                 "slack:carol",
		"platform=slack&limit=50": "slack:carol slack:alice",
	} {
		var got []string
		for _, c := range b.page(t, "/api/v1/conversations?"+query).Items {
			got = append(got, c.UserKey)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", query, got, want)
		}
	}
	next := b.page(t, "/api/v1/conversations?limit=2").NextCursor
	if rest := b.page(t, "/api/v1/conversations?limit=2&cursor="+next); len(rest.Items) != 1 || rest.Items[0].UserKey != "slack:alice" || rest.NextCursor != "" {
		t.Errorf("second page: %+v", rest)
	}
}

func TestConversationsRefuse(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, conversationsRefuse)
}

func conversationsRefuse(t *testing.T, b *bench) {
	t.Helper()
	b.call(t, 201, "POST", imports, archiveOf("slack:alice", "slack", "hi"))
	damaged := strings.TrimSuffix(archiveOf("x", "", "hi"), "}") + ",\n\"sha256\":\"" + strings.Repeat("0", 64) + "\"}\n"
	for _, tt := range []struct {
		method, path, body string
		status             int
		code, message      string
	}{
		{"GET", "/api/v1/conversations/99", "", 404, "not_found", "there is no such conversation"},
		{"DELETE", "/api/v1/conversations/99", "", 404, "not_found", "there is no such conversation"},
		{"GET", "/api/v1/conversations/99/messages", "", 404, "not_found", "there is no such conversation"},
		{"POST", "/api/v1/conversations/99/clear", "", 404, "not_found", "there is no such conversation"},
		{"GET", "/api/v1/conversations/99/export", "", 404, "not_found", "there is no such conversation"},
		{"GET", "/api/v1/conversations/import", "", 404, "not_found", "there is no such conversation"},
		{"GET", "/api/v1/conversations/0", "", 404, "not_found", "there is no such conversation"},
		{"DELETE", "/api/v1/conversations/1x", "", 404, "not_found", "there is no such conversation"},
		{"GET", "/api/v1/conversations/99999999999999999999", "", 404, "not_found", "there is no such conversation"},
		{"GET", "/api/v1/conversations?limit=0", "", 400, "invalid_limit", "limit must be a whole number from 1 to 500"},
		{"GET", "/api/v1/conversations?cursor=x", "", 400, "invalid", `cursor "x" is not valid`},
		{"GET", "/api/v1/conversations/1/messages?cursor=x", "", 400, "invalid", `cursor "x" is not valid`},
		{"POST", imports, "", 400, "invalid", "line 1, column 0: the file ends too early"},
		{"POST", imports, `{"name":"other"}`, 400, "invalid", `not a conversation export: it has no "conversation" and "messages"`},
		{"POST", imports, strings.Replace(archiveOf("x", "", "hi"), `"role":"user"`, `"role":"robot"`, 1), 400, "invalid", `messages[0]: role "robot" is not one of user, assistant, system, tool`},
		{"POST", imports, damaged, 400, "invalid", "the file has been damaged since it was written: its checksum is wrong"},
		{"POST", imports + "?mode=all", archiveOf("x", "", "hi"), 400, "invalid", `import mode "all" is not one of new, merge, replace`},
		{"POST", imports, archiveOf("slack:alice", "slack", "hi"), 409, "exists", "the conversation already exists; use mode=merge or mode=replace to import it anyway"},
		{"POST", imports, strings.Repeat(" ", 64<<20) + "{", 413, "too_large", "an import may be at most 64 MiB"},
	} {
		got := b.call(t, tt.status, tt.method, tt.path, tt.body)
		var answer struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(got), &answer); err != nil || answer.Error.Code != tt.code || answer.Error.Message != tt.message {
			t.Errorf("%s %s: %s, want %s, %s", tt.method, tt.path, got, tt.code, tt.message)
		}
	}
	if n := len(b.page(t, "/api/v1/conversations").Items); n != 1 {
		t.Errorf("%d conversations, want the 1 from before", n)
	}
	if w := b.do(t, request{path: "/api/v1/conversations"}); w.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", w.Code)
	}
	if w := (&bench{Handler: admin.New(admin.Options{Door: door()})}).do(t, request{path: "/api/v1/conversations", header: bearer()}); w.Code != http.StatusNotFound {
		t.Errorf("without conversations: %d", w.Code)
	}
}

// breaking is a store whose export ends after some bytes.
type breaking struct {
	admin.Conversations

	after int
}

func (s breaking) ExportTo(_ context.Context, _ int64, w io.Writer) error {
	_, _ = io.WriteString(w, strings.Repeat(" ", s.after))
	return errors.New("the disk is gone")
}

// TestExportIsNeverHalf breaks an export before and after its first byte went out.
func TestExportIsNeverHalf(t *testing.T) {
	t.Parallel()
	for after, whole := range map[int]bool{0: true, 100: true, 1 << 20: false} {
		server := httptest.NewServer(admin.New(admin.Options{Door: door(), Conversations: breaking{after: after}}))
		t.Cleanup(server.Close)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/conversations/1/export", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if whole && (err != nil || resp.StatusCode != http.StatusInternalServerError || resp.Header.Get("Content-Disposition") != "") {
			t.Errorf("broken after %d bytes: %v, status %d", after, err, resp.StatusCode)
		}
		if !whole && err == nil {
			t.Errorf("broken after %d bytes, and it looks whole", after)
		}
	}
}

// A search answers with the messages that fit best, on every database.
func TestSearchMessages(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, b *bench) {
		t.Helper()
		b.call(t, 201, "POST", "/api/v1/conversations/import", `{"conversation":{"user_key":"generic:private:alice","platform":"generic","chat_id":"c"},"messages":[
			{"role":"user","content":"My train leaves from platform nine.","timestamp":"2026-03-01T09:00:00Z"},
			{"role":"assistant","content":"你的会议在星期五下午。","timestamp":"2026-03-05T09:00:00Z"},
			{"role":"user","content":"/save train nine","timestamp":"2026-03-06T09:00:00Z","metadata":{"command":"save"}}]}`)
		id := b.page(t, "/api/v1/conversations").Items[0].ID
		path := fmt.Sprintf("/api/v1/conversations/%d/search", id)
		got := b.call(t, 200, "GET", path+"?q=when+do+trains+leave%3F", "")
		want := `{"items":[{"message_id":1,"role":"user","author":"generic:private:alice","content":"My train leaves from platform nine.","timestamp":"2026-03-01T09:00:00Z","score":`
		if !strings.HasPrefix(got, want) || strings.Count(got, "message_id") != 1 || !strings.HasSuffix(got, `}],"next_cursor":""}`) {
			t.Errorf("got %s", got)
		}
		if got := b.page(t, path+"?q="+url.QueryEscape("会议是哪天")+"&limit=1"); len(got.Items) != 1 || got.Items[0].Content != "你的会议在星期五下午。" {
			t.Errorf("got %+v", got)
		}
		for query, items := range map[string]int{"q=zebra": 0, "q=train&author=bob": 0, "q=train&author=alice": 1, "q=train&since=2026-03-02": 0, "q=train&until=2026-03-02T00:00:00Z": 1} {
			if got := b.page(t, path+"?"+query); len(got.Items) != items {
				t.Errorf("%s: got %+v", query, got)
			}
		}
		for _, query := range []string{"", "?q=", "?q=%20", "?q=x&limit=0", "?q=x&since=yesterday"} {
			b.call(t, 400, "GET", path+query, "")
		}
		b.call(t, 404, "GET", "/api/v1/conversations/999/search?q=x", "")
		b.call(t, 405, "POST", path, "")
	})
}
