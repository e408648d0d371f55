package call_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/platforms/call"
)

func get(ctx context.Context, t *testing.T, c *http.Client, url string, s *call.Sending) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(s.Watch(ctx), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

func TestNoRedirect(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	defer server.Close()
	for name, c := range map[string]*http.Client{"new": nil, "given": {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}} {
		resp, err := get(t.Context(), t, call.Client(c, time.Second), server.URL, &call.Sending{})
		if err != nil || resp.StatusCode != http.StatusFound {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
	}
	if c := call.Client(&http.Client{Timeout: time.Minute}, time.Second); c.Timeout != time.Minute {
		t.Errorf("a timeout of %s", c.Timeout)
	}
}

// What got no connection was not sent; what was cut off afterwards may have been.
func TestNever(t *testing.T) {
	t.Parallel()
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cut.Close()
	gone, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name  string
		ctx   context.Context //nolint:containedctx // of the call
		url   string
		never bool
	}{
		{"nobody listens", t.Context(), "http://" + gone.Addr().String(), true},
		{"no such host", t.Context(), "http://nowhere.invalid", true},
		{"given up before", ended, cut.URL, true},
		{"cut off", t.Context(), cut.URL, false},
	} {
		var s call.Sending
		if _, err := get(test.ctx, t, call.Client(nil, 5*time.Second), test.url, &s); err == nil || s.Never(err) != test.never {
			t.Errorf("%s: never sent %v, want %v (%v)", test.name, s.Never(err), test.never, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0).UTC()
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0": 0, "-1": 0, "soon": 0, "1.5": 0,
		"999999": call.MaxWait, "18446744073709551616": 0,
		now.Add(time.Minute).Format(http.TimeFormat):     time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat):    0,
		now.Add(100 * time.Hour).Format(http.TimeFormat): call.MaxWait,
	} {
		if got := call.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestWithoutAddress(t *testing.T) {
	t.Parallel()
	_, err := get(t.Context(), t, call.Client(nil, time.Second), "http://user:geheim@127.0.0.1:1/?token=geheim", &call.Sending{})
	if err = call.WithoutAddress(err); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("%v", err)
	}
	plain := errors.New("plain")
	if !errors.Is(call.WithoutAddress(plain), plain) {
		t.Error("another error was changed")
	}
}
