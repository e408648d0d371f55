package web_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/web"
)

func TestMetricsWantTheToken(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	w := b.do("GET", "/metrics", "")
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d, %q", w.Code, w.Header())
	}
	for _, way := range []string{"Authorization: Bearer", "server.operations_listen"} {
		if !strings.Contains(w.Body.String(), way) {
			t.Errorf("the answer does not name %s: %s", way, w.Body)
		}
	}
	if w := b.do("GET", "/metrics", "", "Authorization", "Bearer generic-token"); w.Code != http.StatusUnauthorized {
		t.Errorf("with a source's token: %d", w.Code)
	}
	if w := b.do("GET", "/metrics", "", "Authorization", adminBearer); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "parley_sign_in_refused_total") {
		t.Errorf("with the token: %d %s", w.Code, w.Body)
	}
	if w := b.do("GET", "/debug/pprof/", "", "Authorization", adminBearer); w.Code != http.StatusNotFound {
		t.Errorf("profiles on the open listener: %d", w.Code)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) {
		o.Health = func(context.Context) (gateway.Health, error) { return gateway.Health{}, nil }
	})
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := b.ListenOperations(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.ServeOperations(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for _, tt := range []struct {
		method, path, authorization string
		status                      int
		says                        string
	}{
		{"GET", "/healthz", "", 200, `"ok"`},
		{"GET", "/readyz", "", 200, `"detail"`},
		{"GET", "/metrics", "", 200, "parley_"},
		{"POST", "/metrics", "", 405, "method_not_allowed"},
		{"GET", "/debug/pprof/", "", 401, "Authorization: Bearer"},
		{"GET", "/debug/pprof/", "Bearer wrong", 401, "Authorization: Bearer"},
		{"GET", "/debug/pprof/", adminBearer, 200, "goroutine"},
		{"GET", "/debug/pprof/goroutine?debug=1", adminBearer, 200, "goroutine profile"},
		{"GET", "/debug/pprof/cmdline", "", 401, "Authorization: Bearer"},
		{"GET", "/", adminBearer, 404, "not_found"},
		{"GET", "/api/v1/jobs", adminBearer, 404, "not_found"},
		{"POST", "/webhooks/generic", adminBearer, 404, "not_found"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+listener.Addr().String()+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", tt.authorization)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.says) {
			t.Errorf("%s %s with %q: %d %.200s", tt.method, tt.path, tt.authorization, resp.StatusCode, body)
		}
		checkSecure(t, tt.method+" "+tt.path, resp.Header)
	}
}

// Security headers are on every answer, whoever makes it.
func TestEveryAnswerIsSecure(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, c := range [][2]string{
		{"POST", "/webhooks/slack"},
		{"POST", "/webhooks/feishu"},
		{"POST", "/webhooks/generic"},
		{"GET", "/webhooks/generic/events/x"},
		{"GET", "/webhooks/slack"},
		{"POST", "/webhooks/generic/nobody"},
		{"GET", "/healthz"},
		{"GET", "/readyz"},
		{"GET", "/metrics"},
		{"GET", "/nothing"},
		{"BREW", "/healthz"},
	} {
		for _, signed := range []string{"yes", "no"} {
			checkSecure(t, c[0]+" "+c[1], b.do(c[0], c[1], event, "X-Signed", signed).Header())
		}
	}
}

func checkSecure(t *testing.T, what string, h http.Header) {
	t.Helper()
	if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Referrer-Policy") == "" {
		t.Errorf("%s: %v", what, h)
	}
}
