package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/peer"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

const unsigned = `{"error":{"code":"unsigned","message":"sign the request with webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks), ` +
	`or send Authorization: Bearer with the token of the source or the admin token"}}`

func TestRoutes(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		answer                   string
	}{
		{"slack", "POST", "/webhooks/slack", event, 200, ""},
		{"slack challenge", "POST", "/webhooks/slack", `{"id":"abc","text":"challenge"}`, 200, "abc"},
		{"feishu", "POST", "/webhooks/feishu", event, 200, ""},
		{"generic", "POST", "/webhooks/generic", event, 202, `{"status":"accepted","event_id":"evt-1","user_key":"generic:private:alice"}`},
		{"repeated", "POST", "/webhooks/generic", event, 202, `{"status":"accepted","event_id":"evt-1","user_key":"generic:private:alice"}`},
		{"named source", "POST", "/webhooks/generic/shop", event, 202, `{"status":"accepted","event_id":"evt-1","user_key":"shop:private:alice"}`},
		{"default source by name", "POST", "/webhooks/generic/generic", event, 202, `{"status":"accepted","event_id":"evt-1","user_key":"generic:private:alice"}`},
		{"unknown source", "POST", "/webhooks/generic/nobody", event, 401, unsigned},
		{"not JSON", "POST", "/webhooks/generic", "{", 400, `{"error":{"code":"invalid_json","message":"the body is not JSON"}}`},
		{"status", "GET", "/webhooks/generic/events/evt-1", "", 200, `{"event_id":"evt-1","user_key":"generic:private:alice","status":"accepted","reply":null,"error":null}`},
		{"status of a named source", "GET", "/webhooks/generic/shop/events/evt-1", "", 200, `{"event_id":"evt-1","user_key":"shop:private:alice","status":"accepted","reply":null,"error":null}`},
		{"status of nothing", "GET", "/webhooks/generic/events/evt-2", "", 404, `{"error":{"code":"event_not_found","message":"there is no such event"}}`},
		{"status of an unknown source", "GET", "/webhooks/generic/nobody/events/evt-1", "", 401, unsigned},
		{"health", "GET", "/healthz", "", 200, `{"status":"ok"}`},
		{"readiness", "GET", "/readyz", "", 200, `{"status":"ready"}`},
		{"nothing", "GET", "/nothing/here", "", 404, `{"error":{"code":"not_found","message":"not found"}}`},
		{"no pages without an admin handler", "GET", "/", "", 404, `{"error":{"code":"not_found","message":"not found"}}`},
		{"a doubled slash is another address", "POST", "//webhooks/slack", event, 404, `{"error":{"code":"not_found","message":"not found"}}`},
	} {
		w := b.do(tt.method, tt.path, tt.body)
		if w.Code != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.status)
		}
		if got := strings.TrimSpace(w.Body.String()); got != tt.answer {
			t.Errorf("%s: body\n got %s\nwant %s", tt.name, got, tt.answer)
		}
		if w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", tt.name)
		}
	}
}

func TestWrongMethod(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, tt := range []struct{ method, path, allow string }{
		{"GET", "/webhooks/slack", "POST"},
		{"DELETE", "/webhooks/feishu", "POST"},
		{"PUT", "/webhooks/generic", "POST"},
		{"GET", "/webhooks/generic/shop", "POST"},
		{"POST", "/webhooks/generic/events/evt-1", "GET"},
		{"POST", "/webhooks/generic/shop/events/evt-1", "GET"},
		{"POST", "/healthz", "GET"},
		{"BREW", "/metrics", "GET"},
	} {
		w := b.do(tt.method, tt.path, "")
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: status %d, want 405", tt.method, tt.path, w.Code)
		}
		if allow := w.Header().Get("Allow"); !strings.Contains(allow, tt.allow) || strings.Contains(allow, tt.method) {
			t.Errorf("%s %s: Allow %q, want %s and not %s", tt.method, tt.path, allow, tt.allow, tt.method)
		}
		if !strings.HasPrefix(w.Body.String(), `{"error":{"code":"method_not_allowed"`) {
			t.Errorf("%s %s: body %s", tt.method, tt.path, w.Body)
		}
	}
}

func TestPlatformThatIsOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) {
		o.Receivers, o.Sources = map[string]platforms.Receiver{"slack": nil, "feishu": nil}, nil
	})
	for _, path := range []string{"/webhooks/slack", "/webhooks/feishu", "/webhooks/generic", "/webhooks/generic/shop"} {
		if w := b.do("POST", path, event, "Authorization", "Bearer admin-token-for-tests"); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
	if b.gateway.count() != 0 {
		t.Error("something was stored")
	}
}

func TestFurtherApp(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for path, want := range map[string]int{
		"/webhooks/slack": http.StatusOK, "/webhooks/slack/sales": http.StatusOK,
		"/webhooks/slack/other": http.StatusNotFound, "/webhooks/feishu/sales": http.StatusNotFound, "/webhooks/teams": http.StatusNotFound,
	} {
		if w := b.do("POST", path, event); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	if n := b.gateway.count(); n != 2 {
		t.Errorf("%d events, want one of each app", n)
	}
	if w := b.do("POST", "/webhooks/slack/sales/more", event); w.Code != http.StatusNotFound {
		t.Errorf("below an app: %d", w.Code)
	}
	if w := b.do("GET", "/webhooks/slack/sales", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("GET: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	made := 0
	b := newBench(t, func(o *web.Options) { o.NewID = func() string { made++; return "made" } })
	for _, tt := range []struct{ given, want string }{
		{"abc.DEF_0-9", "abc.DEF_0-9"},
		{strings.Repeat("a", 128), strings.Repeat("a", 128)},
		{strings.Repeat("a", 129), "made"},
		{"", "made"},
		{"with space", "made"},
		{"line\nbreak", "made"},
		{"ümlaut", "made"},
		{"a;b", "made"},
	} {
		for _, path := range []string{"/healthz", "/nothing", "/webhooks/slack"} {
			if got := b.do("GET", path, "", "X-Request-Id", tt.given).Header()["X-Request-Id"]; len(got) != 1 || got[0] != tt.want {
				t.Errorf("%q on %s: %q, want %q", tt.given, path, got, tt.want)
			}
		}
	}
	if made != 6*3 {
		t.Errorf("made %d ids, want %d", made, 6*3)
	}
}

func TestAcceptFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"unavailable", failure.New(failure.Unavailable, "database_busy", "the database is busy", errors.New("postgres://secret")), 503, `{"error":{"code":"database_busy","message":"the database is busy"}}`},
		{"invalid", failure.New(failure.Invalid, "invalid_event", "chat_id is too long", nil), 400, `{"error":{"code":"invalid_event","message":"chat_id is too long"}}`},
		{"unknown", errors.New("disk I/O error"), 503, `{"error":{"code":"not_stored","message":"the event could not be stored; send it again"}}`},
		{"cancelled", context.Canceled, 503, `{"error":{"code":"not_stored","message":"the event could not be stored; send it again"}}`},
		{"not found", failure.New(failure.NotFound, "x", "y", nil), 503, `{"error":{"code":"not_stored","message":"the event could not be stored; send it again"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.gateway.acceptErr = tt.err
			for _, path := range []string{"/webhooks/slack", "/webhooks/feishu", "/webhooks/generic"} {
				w := b.do("POST", path, event)
				if w.Code != tt.status {
					t.Errorf("%s: status %d, want %d", path, w.Code, tt.status)
				}
				wantJSON(t, w.Body.String(), tt.body)
				if got, want := w.Header().Get("Retry-After"), map[bool]string{true: "1"}[tt.status == 503]; got != want {
					t.Errorf("%s: Retry-After %q, want %q", path, got, want)
				}
			}
			if tt.status == 503 && !strings.Contains(b.lines(), `"event_ids":["evt-1"],"user_key":"slack:private:alice"`) {
				t.Errorf("the log does not name the event:\n%s", b.lines())
			}
		})
	}
}

// Where a request comes from, or what it says of that, opens nothing.
func TestNobodyIsTrustedForWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	url, _ := b.serve(t)
	for _, host := range []string{"", "localhost", "127.0.0.1", "[::1]:8080", "evil.example"} {
		for _, path := range []string{"/webhooks/slack", "/webhooks/feishu", "/webhooks/generic", "/webhooks/generic/shop", "/webhooks/generic/nobody"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(event))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("host %q, %s: status %d, want 401", host, path, resp.StatusCode)
			}
		}
	}
	if b.gateway.count() != 0 {
		t.Error("something was stored")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, tt := range []struct {
		name, path, authorization string
		status                    int
	}{
		{"the source's", "/webhooks/generic/shop", "Bearer shop-token", 202},
		{"scheme in small letters", "/webhooks/generic/shop", "bearer shop-token", 202},
		{"the admin's", "/webhooks/generic/shop", "Bearer admin-token-for-tests", 202},
		{"another source's", "/webhooks/generic", "Bearer shop-token", 401},
		{"wrong", "/webhooks/generic/shop", "Bearer shop-toke", 401},
		{"empty", "/webhooks/generic/shop", "Bearer ", 401},
		{"other scheme", "/webhooks/generic/shop", "Basic shop-token", 401},
		{"the admin's at Slack", "/webhooks/slack", "Bearer admin-token-for-tests", 401},
		{"the admin's at Feishu", "/webhooks/feishu", "Bearer admin-token-for-tests", 401},
		{"the admin's at no source", "/webhooks/generic/nobody", "Bearer admin-token-for-tests", 404},
		{"a source's at no source", "/webhooks/generic/nobody", "Bearer shop-token", 401},
	} {
		w := b.do("POST", tt.path, event, "X-Signed", "no", "Authorization", tt.authorization)
		if w.Code != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.status)
		}
		if asked := w.Header().Get("WWW-Authenticate") != ""; asked != (tt.status == 401) {
			t.Errorf("%s: WWW-Authenticate: %t", tt.name, asked)
		}
	}
}

// A bearer that a gateway adds to what is signed is no guess at the admin token.
func TestSignedWithAForeignBearer(t *testing.T) {
	t.Parallel()
	m := metrics.New()
	b := newBench(t, func(o *web.Options) {
		o.Sources = map[string]web.Source{"generic": signedSource{fakeSource{"generic"}}}
		o.Door = signin.New(signin.Options{Token: "admin-token-for-tests", Metrics: m})
	})
	for range 20 {
		if w := b.do("POST", "/webhooks/generic", event, "Authorization", "Bearer of-the-gateway"); w.Code != http.StatusAccepted {
			t.Fatalf("status %d", w.Code)
		}
	}
	if n := testutil.ToFloat64(m.SignInRefused); n != 0 {
		t.Errorf("%v were counted as wrong tokens", n)
	}
	if w := b.do("POST", "/webhooks/generic", event, "X-Signed", "no", "Authorization", "Bearer of-the-gateway"); w.Code != http.StatusUnauthorized || testutil.ToFloat64(m.SignInRefused) != 1 {
		t.Errorf("unsigned: status %d, %v counted", w.Code, testutil.ToFloat64(m.SignInRefused))
	}
	if w := b.do("POST", "/webhooks/generic", event, "X-Signed", "no", "Authorization", adminBearer); w.Code != http.StatusAccepted {
		t.Errorf("unsigned, with the admin token: %d", w.Code)
	}
}

// signedSource knows by the headers what cannot be signed.
type signedSource struct{ fakeSource }

func (s signedSource) Precheck(h http.Header, _ time.Time) (int64, error) {
	return 0, s.VerifyStatus(platforms.Request{Header: h}, "")
}

func TestStatusAccess(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.do("POST", "/webhooks/generic", `{"id":"a/b ä","sender_id":"alice","text":"x"}`)
	path := "/webhooks/generic/events/a%2Fb%20%C3%A4"
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"signed", nil, 200},
		{"unsigned", []string{"X-Signed", "no"}, 401},
		{"admin", []string{"X-Signed", "no", "Authorization", "Bearer admin-token-for-tests"}, 200},
		{"admin, scheme in small letters", []string{"X-Signed", "no", "Authorization", "bearer admin-token-for-tests"}, 200},
		{"the source's token", []string{"X-Signed", "no", "Authorization", "Bearer generic-token"}, 200},
		{"another source's token", []string{"X-Signed", "no", "Authorization", "Bearer shop-token"}, 401},
		{"wrong token", []string{"X-Signed", "no", "Authorization", "Bearer admin-token-for-test"}, 401},
		{"empty token", []string{"X-Signed", "no", "Authorization", "Bearer "}, 401},
		{"other scheme", []string{"X-Signed", "no", "Authorization", "Basic admin-token-for-tests"}, 401},
	} {
		w := b.do("GET", path, "", tt.headers...)
		if w.Code != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.name, w.Code, tt.status, w.Body)
		}
	}
	if w := newBench(t, func(o *web.Options) { o.Door = nil }).do("GET", path, "", "X-Signed", "no", "Authorization", "Bearer "); w.Code != 401 {
		t.Errorf("no admin token set, an empty one given: status %d, want 401", w.Code)
	}
	location := b.do("POST", "/webhooks/generic", `{"id":"a/b ä","sender_id":"alice","text":"x"}`).Header().Get("Location")
	if location != path {
		t.Errorf("Location %q, want %q", location, path)
	}
	location = b.do("POST", "/webhooks/generic/shop", event).Header().Get("Location")
	if want := "/webhooks/generic/shop/events/evt-1"; location != want {
		t.Errorf("Location %q, want %q", location, want)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	w := b.do("POST", "/webhooks/slack", `{"text":"panic"}`)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
	wantJSON(t, w.Body.String(), `{"error":{"code":"internal","message":"something went wrong on our side"}}`)
	if log := b.lines(); !strings.Contains(log, "the adapter broke") || !strings.Contains(log, "fake_test.go") {
		t.Errorf("the log has no reason or no stack:\n%s", log)
	}
	if !strings.Contains(b.lines(), `"status":500`) || !strings.Contains(b.scrape(), `route="/webhooks/slack",status="500"`) {
		t.Error("not counted or logged as 500")
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	var reason error
	b := newBench(t, func(o *web.Options) { o.Ready = func(context.Context) error { return reason } })
	reason = failure.New(failure.Unavailable, "database", "the database does not answer", errors.New("postgres://u:secret@db"))
	w := b.do("GET", "/readyz", "")
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
	wantJSON(t, w.Body.String(), `{"status":"unavailable","error":{"code":"unavailable","message":"events cannot be accepted right now"}}`)
	w = b.do("GET", "/readyz", "", "Authorization", adminBearer)
	wantJSON(t, w.Body.String(), `{"status":"unavailable","error":{"code":"database","message":"the database does not answer"}}`)
	reason = nil
	if w := b.do("HEAD", "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("status %d, want 200", w.Code)
	}
}

// Dead events and open circuits are told, and do not make the server unready.
func TestReadinessDetail(t *testing.T) {
	t.Parallel()
	var reason error
	b := newBench(t, func(o *web.Options) {
		o.Health = func(context.Context) (gateway.Health, error) {
			return gateway.Health{
				Events:   gateway.EventHealth{Waiting: 3, Running: 1, Failed: 2, Dead: 7, OldestSeconds: 1.5},
				Circuits: map[string]breaker.State{"slack": breaker.Open},
			}, reason
		}
	})
	for _, authorization := range []string{"", "Bearer wrong"} {
		w := b.do("GET", "/readyz", "", "Authorization", authorization)
		wantJSON(t, w.Body.String(), `{"status":"ready"}`)
	}
	w := b.do("GET", "/readyz", "", "Authorization", adminBearer)
	if w.Code != http.StatusOK {
		t.Errorf("status %d, want 200", w.Code)
	}
	wantJSON(t, w.Body.String(), `{"status":"ready","detail":{"events":{"waiting":3,"running":1,"failed":2,"dead":7,"quarantined":0,`+
		`"oldest_waiting_seconds":1.5},"circuits":{"slack":"open"}}}`)
	reason = errors.New("too slow")
	w = b.do("GET", "/readyz", "", "Authorization", adminBearer)
	wantJSON(t, w.Body.String(), `{"status":"ready"}`)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.do("POST", "/webhooks/generic", event)
	b.do("POST", "/webhooks/generic", event)
	b.do("POST", "/webhooks/generic", event, "X-Signed", "no")
	b.do("POST", "/webhooks/slack", `{"id":"abc","text":"challenge"}`)
	b.do("GET", "/webhooks/generic/events/evt-1", "")
	b.do("GET", "/some/secret/path", "")
	b.do("BREW", "/another/path", "")
	b.gateway.acceptErr = errors.New("disk full")
	b.do("POST", "/webhooks/generic/shop", event)
	text := b.scrape()
	for _, want := range []string{
		`parley_webhooks_total{outcome="accepted",platform="generic"} 1`,
		`parley_webhooks_total{outcome="duplicate",platform="generic"} 1`,
		`parley_webhooks_total{outcome="rejected",platform="generic"} 1`,
		`parley_webhooks_total{outcome="ignored",platform="slack"} 1`,
		`parley_webhooks_total{outcome="failed",platform="shop"} 1`,
		`parley_webhooks_refused_total{platform="generic",reason="bad_signature"} 1`,
		`parley_webhooks_refused_total{platform="shop",reason="not_stored"} 1`,
		`parley_ack_seconds_count{platform="generic"} 2`,
		`parley_http_request_seconds_count{method="POST",route="/webhooks/generic",status="202"} 2`,
		`parley_http_request_seconds_count{method="GET",route="/webhooks/generic/events/:event",status="200"} 1`,
		`parley_http_request_seconds_count{method="GET",route="none",status="404"} 1`,
		`parley_http_request_seconds_count{method="other",route="none",status="404"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s", want)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a raw path became a series")
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.Proxies = peer.Proxies{netip.MustParsePrefix("192.0.2.0/24")} })
	b.do("POST", "/webhooks/generic", event, "X-Request-Id", "req-1", "X-Forwarded-For", "203.0.113.9, 192.0.2.7")
	line := b.lines()
	for _, want := range []string{
		`"level":"DEBUG"`, `"request_id":"req-1"`, `"method":"POST"`, `"route":"/webhooks/generic"`, `"status":202`,
		`"remote_ip":"203.0.113.9"`, `"event_ids":["evt-1"]`, `"user_key":"generic:private:alice"`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("missing %s in %s", want, line)
		}
	}
	if strings.Contains(line, "hello") {
		t.Error("the log holds the message")
	}
	untrusting := newBench(t, nil)
	untrusting.do("GET", "/healthz", "", "X-Forwarded-For", "203.0.113.9")
	if !strings.Contains(untrusting.lines(), `"remote_ip":"192.0.2.1"`) {
		t.Errorf("a forged address was believed: %s", untrusting.lines())
	}
}

func TestAdminIsMounted(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/jobs/{name}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Method + " " + r.URL.Path)) })
	b := newBench(t, func(o *web.Options) { o.Admin = mux })
	for _, path := range []string{"/", "/login", "/logout", "/static/chat.css", "/chat/messages", "/admin/", "/admin/events/7", "/api/v1/stats"} {
		for _, method := range []string{"GET", "POST", "DELETE", "BREW"} {
			if got := b.do(method, path, "").Body.String(); got != method+" "+path {
				t.Errorf("%s %s reached %q", method, path, got)
			}
		}
	}
	b.do("GET", "/api/v1/jobs/cleanup", "")
	if want := `parley_http_request_seconds_count{method="GET",route="/api/v1/jobs/{name}",status="418"} 1`; !strings.Contains(b.scrape(), want) {
		t.Errorf("missing %s", want)
	}
	if w := b.do("GET", "/elsewhere", ""); w.Code != http.StatusNotFound {
		t.Errorf("status %d, want 404", w.Code)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	door, err := intake.New(intake.Options{Store: b.gateway, Metrics: b.metrics})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]web.Options{
		"no intake":  {Gateway: b.gateway, Metrics: b.metrics},
		"no gateway": {Intake: door, Metrics: b.metrics},
		"no metrics": {Intake: door, Gateway: b.gateway},
	} {
		if _, err := web.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestChallengeStoresNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	w := b.do("POST", "/webhooks/feishu", `{"id":"abc","text":"challenge"}`)
	if w.Body.String() != "abc" || w.Header().Get("Content-Type") != "text/plain" || b.gateway.count() != 0 {
		t.Errorf("body %q, type %q, stored %d", w.Body, w.Header().Get("Content-Type"), b.gateway.count())
	}
}
