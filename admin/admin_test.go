package admin_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/peer"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/scheduler"
)

const token = "a-long-admin-token"

type fakeChat struct {
	mu      sync.Mutex
	said    []string // "id text", "id text (locale)"
	say     func(ctx context.Context, onDelta func(string)) (gateway.Status, error)
	history []conversation.Message
	limit   int
	err     error
}

func (f *fakeChat) Say(ctx context.Context, said admin.Said, onDelta func(string)) (gateway.Status, error) {
	f.mu.Lock()
	line := said.ID + " " + said.Text
	if said.Locale != "" {
		line += " (" + said.Locale + ")"
	}
	f.said = append(f.said, line)
	f.mu.Unlock()
	if f.say != nil {
		return f.say(ctx, onDelta)
	}
	onDelta("Hel")
	onDelta("lo")
	return gateway.Status{
		EventID: said.ID, UserKey: "web:private:local", Status: gateway.StatusCompleted,
		Reply: &gateway.Reply{Text: "Hello", MessageID: 2, Tokens: 3},
	}, nil
}

func (f *fakeChat) History(_ context.Context, limit int) ([]conversation.Message, error) {
	f.limit = limit
	return f.history, f.err
}

type fakeJobs struct{ ran []string }

func (f *fakeJobs) List(context.Context) ([]scheduler.JobStatus, error) {
	return []scheduler.JobStatus{{Name: "cleanup", Cron: "0 3 * * *", Runs: 2}}, nil
}

func (f *fakeJobs) RunNow(_ context.Context, name string) error {
	switch name {
	case "cleanup":
		f.ran = append(f.ran, name)
		return nil
	case "vacuum":
		return failure.New(failure.Conflict, "job_running", "the job is running", nil)
	case "backup":
		return errors.New("open /secret/place: no space left")
	default:
		return failure.New(failure.NotFound, "job_not_found", "there is no such job", nil)
	}
}

type fakeStats struct{}

func (fakeStats) Stats(context.Context) (conversation.Stats, error) {
	return conversation.Stats{TotalConversations: 3}, nil
}

func budgets(context.Context) ([]admin.Budget, error) {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	return []admin.Budget{{Scope: "chat", ID: "slack/T1/chat:C1", Start: day, Resets: day.AddDate(0, 0, 1), Limit: 9, Used: 4, Reserved: 3}}, nil
}

type fakeUsage struct{ days int }

func (f *fakeUsage) Usage(_ context.Context, days int) ([]admin.UsageRow, error) {
	f.days = days
	return []admin.UsageRow{{Day: "2026-11-20", Model: "echo", PromptTokens: 4, CompletionTokens: 5, Calls: 1}}, nil
}

type bench struct {
	http.Handler

	chat  *fakeChat
	jobs  *fakeJobs
	usage *fakeUsage
	clock time.Time
}

// newBench has no database: nobody can sign in but with the token in a header.
func newBench() *bench { return newBenchOn(nil) }

func newBenchOn(db *database.DB) *bench {
	b := &bench{chat: &fakeChat{}, jobs: &fakeJobs{}, usage: &fakeUsage{}, clock: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return b.clock }
	b.Handler = admin.New(admin.Options{
		Door: signin.New(signin.Options{Token: token, DB: db, Proxies: peer.Proxies{netip.MustParsePrefix("10.0.0.0/8")}, Now: now}),
		Chat: b.chat, Jobs: b.jobs, Stats: fakeStats{}, Usage: b.usage, Budgets: budgets, PublicURL: "https://chat.example.com", Now: now,
	})
	return b
}

// request is one call. The zero value comes from this machine without any proof.
type request struct {
	method, path, body string
	header             map[string]string
	peer               string // "" = this machine
}

func (b *bench) do(t *testing.T, q request) *httptest.ResponseRecorder {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	r := httptest.NewRequestWithContext(t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.RemoteAddr, r.Host = cmp.Or(q.peer, "127.0.0.1")+":5000", "localhost:8080" // where a request comes from opens nothing
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

func door() *signin.Door { return signin.New(signin.Options{Token: token}) }

func bearer() map[string]string { return map[string]string{"Authorization": "Bearer " + token} }

// signIn returns the session cookie as a Cookie header.
func (b *bench) signIn(t *testing.T, q request) (*http.Cookie, map[string]string) {
	t.Helper()
	q.method, q.path = "POST", "/login"
	if q.body == "" {
		q.body = url.Values{"token": {token}}.Encode()
	}
	q.header = merge(q.header, "Content-Type", "application/x-www-form-urlencoded")
	w := b.do(t, q)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Fatalf("login: %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies, want 1", len(cookies))
	}
	return cookies[0], map[string]string{"Cookie": cookies[0].Name + "=" + cookies[0].Value}
}

func TestWhoMayEnter(t *testing.T) {
	t.Parallel()
	b := newBenchOn(dbtest.New(t))
	_, session := b.signIn(t, request{})
	for _, tt := range []struct {
		name string
		q    request
		want int
	}{
		{"page", request{path: "/"}, 401},
		{"page with the token", request{path: "/", header: bearer()}, 200},
		{"page with a session", request{path: "/", header: session}, 200},
		{"history", request{path: "/chat/messages"}, 401},
		{"history with the token", request{path: "/chat/messages", header: bearer()}, 200},
		{"history with a session", request{path: "/chat/messages", header: session}, 200},
		{"saying", request{method: "POST", path: "/chat/messages"}, 401},
		{"API", request{path: "/api/v1/jobs"}, 401},
		{"API with the token", request{path: "/api/v1/jobs", header: bearer()}, 200},
		{"API with a session", request{path: "/api/v1/jobs", header: session}, 200},
		{"API, wrong token", request{path: "/api/v1/jobs", header: map[string]string{"Authorization": "Bearer a-long-admin-toke"}}, 401},
		{"API, no scheme", request{path: "/api/v1/jobs", header: map[string]string{"Authorization": token}}, 401},
		{"API, token in the query", request{path: "/api/v1/jobs?token=" + token}, 401},
		{"unknown API path without proof", request{path: "/api/v1/nothing"}, 401},
		{"unknown API path", request{path: "/api/v1/nothing", header: bearer()}, 404},
		{"dashboard", request{path: "/admin/"}, 401},
		{"login page", request{path: "/login"}, 200},
		{"wrong method without proof", request{method: "PUT", path: "/api/v1/jobs"}, 405},
		{"wrong method on the page", request{method: "POST", path: "/"}, 405},
		{"style", request{path: "/static/chat.css"}, 200},
		{"script", request{path: "/static/chat.js"}, 200},
		{"icon", request{path: "/static/icon.svg"}, 200},
		{"template", request{path: "/static/chat.html"}, 404},
		{"way out of static", request{path: "/static/..%2fadmin.go"}, 404},
		{"elsewhere", request{path: "/elsewhere"}, 404},
	} {
		w := b.do(t, tt.q)
		if w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if w.Header().Get(name) == "" {
				t.Errorf("%s: no %s", tt.name, name)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", tt.name, csp)
		}
		if tt.want == 401 && strings.HasPrefix(tt.q.path, "/api/") && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", tt.name)
		}
	}
}

func TestWithoutATokenNobodySignsIn(t *testing.T) {
	t.Parallel()
	b := &bench{Handler: admin.New(admin.Options{Door: signin.New(signin.Options{}), Jobs: &fakeJobs{}, Chat: &fakeChat{}})}
	for _, header := range []map[string]string{
		{"Authorization": "Bearer "},
		{"Authorization": "Bearer"},
		{"Cookie": "parley_session="},
	} {
		if w := b.do(t, request{path: "/api/v1/jobs", header: header}); w.Code != http.StatusUnauthorized {
			t.Errorf("%v: status %d, want 401", header, w.Code)
		}
	}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	if w := b.do(t, request{method: "POST", path: "/login", body: "token=", header: form}); w.Code != http.StatusUnauthorized {
		t.Errorf("login with nothing: status %d, want 401", w.Code)
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	b := newBenchOn(dbtest.New(t))
	_, session := b.signIn(t, request{})
	said := request{method: "POST", path: "/chat/messages", body: `{"id":"1","text":"hi"}`}
	for _, tt := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"other site, session", merge(session, "Sec-Fetch-Site", "cross-site"), 403},
		{"sibling, session", merge(session, "Sec-Fetch-Site", "same-site"), 403},
		{"other origin, session", merge(session, "Origin", "https://evil.example"), 403},
		{"same origin, session", merge(session, "Sec-Fetch-Site", "same-origin"), 200},
		{"same origin by its public name", merge(session, "Origin", "https://chat.example.com"), 200},
		{"same origin by its name", merge(session, "Origin", "http://localhost:8080"), 200},
		{"program with the token", merge(bearer(), "Origin", "https://tool.example"), 200},
		{"wrong token does not help", map[string]string{"Authorization": "Bearer x", "Sec-Fetch-Site": "cross-site"}, 401},
	} {
		q := said
		q.header = merge(tt.header, "Content-Type", "application/json")
		if w := b.do(t, q); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
	}
	w := b.do(t, request{method: "POST", path: "/api/v1/jobs/cleanup/run", header: merge(session, "Sec-Fetch-Site", "cross-site")})
	if w.Code != http.StatusForbidden || len(b.jobs.ran) != 0 {
		t.Errorf("a job run from another site: %d, ran %v", w.Code, b.jobs.ran)
	}
}

func merge(header map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	maps.Copy(all, header)
	return all
}

func TestAPI(t *testing.T) {
	t.Parallel()
	b := newBench()
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/api/v1/jobs", 200, `{"items":[{"name":"cleanup","cron":"0 3 * * *","next_run":null,"runs":2,"last_run":null}],"next_cursor":""}`},
		{"POST", "/api/v1/jobs/cleanup/run", 202, `{"status":"accepted","name":"cleanup"}`},
		{"POST", "/api/v1/jobs/vacuum/run", 409, `{"error":{"code":"job_running","message":"the job is running"}}`},
		{"POST", "/api/v1/jobs/nothing/run", 404, `{"error":{"code":"job_not_found","message":"there is no such job"}}`},
		{"POST", "/api/v1/jobs/backup/run", 500, `{"error":{"code":"internal","message":"something went wrong on our side"}}`},
		{"GET", "/api/v1/usage", 200, `{"items":[{"day":"2026-11-20","model":"echo","prompt_tokens":4,"completion_tokens":5,"calls":1,"cached_tokens":0,"cost":null}],"next_cursor":""}`},
		{"GET", "/api/v1/budgets", 200, `{"items":[{"scope":"chat","id":"slack/T1/chat:C1","period_start":"2026-11-20T00:00:00Z","resets_at":"2026-11-21T00:00:00Z","limit":9,"used":4,"reserved":3,"warning":0}],"next_cursor":""}`},
		{"GET", "/api/v1/usage?days=0", 400, `{"error":{"code":"invalid_days","message":"days must be a whole number from 1 to 366"}}`},
		{"GET", "/api/v1/usage?days=week", 400, `{"error":{"code":"invalid_days","message":"days must be a whole number from 1 to 366"}}`},
		{"GET", "/api/v1/nothing", 404, `{"error":{"code":"not_found","message":"not found"}}`},
		{"GET", "/api/v1/jobs/cleanup/run", 405, `{"error":{"code":"method_not_allowed","message":"method not allowed; see the Allow header"}}`},
	} {
		w := b.do(t, request{method: tt.method, path: tt.path, header: bearer()})
		if w.Code != tt.status || strings.TrimSpace(w.Body.String()) != tt.body {
			t.Errorf("%s %s\n got %d %s\nwant %d %s", tt.method, tt.path, w.Code, strings.TrimSpace(w.Body.String()), tt.status, tt.body)
		}
	}
	if w := b.do(t, request{path: "/api/v1/stats", header: bearer()}); !strings.Contains(w.Body.String(), `"total_conversations":3`) {
		t.Errorf("stats: %s", w.Body)
	}
	if b.do(t, request{path: "/api/v1/usage?days=7", header: bearer()}); b.usage.days != 7 {
		t.Errorf("asked for %d days, want 7", b.usage.days)
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	b := newBench()
	for _, tt := range []struct{ method, path, allow string }{
		{"DELETE", "/api/v1/jobs", "GET, HEAD"},
		{"GET", "/api/v1/jobs/cleanup/run", "POST"},
		{"PUT", "/chat/messages", "GET, HEAD, POST"},
		{"POST", "/", "GET, HEAD"},
		{"GET", "/logout", "POST"},
		{"DELETE", "/login", "GET, HEAD, POST"},
		{"POST", "/static/chat.css", "GET, HEAD"},
	} {
		w := b.do(t, request{method: tt.method, path: tt.path, header: bearer()})
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q, want %q", tt.method, tt.path, w.Code, w.Header().Get("Allow"), tt.allow)
		}
	}
}

func TestWhatIsNotGivenIsNotThere(t *testing.T) {
	t.Parallel()
	b := &bench{Handler: admin.New(admin.Options{Door: door()})}
	for _, path := range []string{"/", "/chat/messages", "/api/v1/jobs", "/api/v1/stats", "/api/v1/usage"} {
		if w := b.do(t, request{path: path, header: bearer()}); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
}

func TestAssetsAreKeptByTheBrowser(t *testing.T) {
	t.Parallel()
	b := newBench()
	first := b.do(t, request{path: "/static/chat.js"})
	if kind := first.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/javascript") {
		t.Errorf("type %q", kind)
	}
	again := b.do(t, request{path: "/static/chat.js", header: map[string]string{"If-None-Match": first.Header().Get("ETag")}})
	if again.Code != http.StatusNotModified {
		t.Errorf("asked again: %d, want 304", again.Code)
	}
}
