package slack_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms/slack"
)

// reader is an adapter whose token has these scopes and that knows so, and the
// Slack that it talks to, where U1 reads Chinese. move moves its clock on.
func reader(t *testing.T, scopes ...string) (a *slack.Adapter, server *fakeslack.Server, move func(time.Duration)) {
	t.Helper()
	server = fakeslack.New(t, fakeslack.Options{})
	server.Grant(scopes...)
	server.SetLocale("U1", "zh-CN")
	at := now
	a = newAdapter(t, slack.Options{APIURL: server.APIURL(), Now: func() time.Time { return at }})
	if _, _, err := a.AuthTest(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, server, func(d time.Duration) { at = at.Add(d) }
}

func expectLocale(t *testing.T, a *slack.Adapter, server *fakeslack.Server, user, want string, calls int) {
	t.Helper()
	if got := a.Locale(t.Context(), user); got != want {
		t.Errorf("the locale of %s is %q, want %q", user, got, want)
	}
	if n := server.Calls(fakeslack.UsersInfo); n != calls {
		t.Errorf("users.info was called %d times, want %d", n, calls)
	}
}

func TestLocaleIsAskedOnceADay(t *testing.T) {
	t.Parallel()
	a, server, move := reader(t, "chat:write", "users:read")
	for range 3 {
		expectLocale(t, a, server, "U1", "zh-CN", 1)
	}
	expectLocale(t, a, server, "U2", "en-US", 2)
	server.SetLocale("U1", "de-DE")
	move(24*time.Hour - 1)
	expectLocale(t, a, server, "U1", "zh-CN", 2)
	move(1)
	expectLocale(t, a, server, "U1", "de-DE", 3)
}

// A locale that is none is not asked for again either.
func TestLocaleThatIsNone(t *testing.T) {
	t.Parallel()
	for _, none := range []string{"", "!", strings.Repeat("x", 1000)} {
		a, server, move := reader(t, "users:read")
		server.SetLocale("U1", none)
		expectLocale(t, a, server, "U1", "", 1)
		move(time.Hour)
		expectLocale(t, a, server, "U1", "", 1)
	}
}

func TestLocaleNeedsTheScope(t *testing.T) {
	t.Parallel()
	for _, scopes := range [][]string{
		nil, {"chat:write"}, {"chat:write", "users:read.email", "users:reads", "xusers:read"},
	} {
		a, server, _ := reader(t, scopes...)
		expectLocale(t, a, server, "U1", "", 0)
	}
}

// What counts is the newest answer, of whatever call.
func TestLocaleScopesChange(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	server.Grant("users:read", "chat:write")
	a := newAdapter(t, slack.Options{APIURL: server.APIURL()})
	expectLocale(t, a, server, "U1", "", 0) // nothing was heard from Slack yet
	if _, err := a.Send(t.Context(), channel, part); err != nil {
		t.Fatal(err)
	}
	expectLocale(t, a, server, "U1", "en-US", 1)

	server.Grant("chat:write")
	expectLocale(t, a, server, "U2", "", 2) // missing_scope
	expectLocale(t, a, server, "U3", "", 2)

	// An answer that names no scopes changes nothing.
	server.Grant("users:read")
	if _, _, err := a.AuthTest(t.Context()); err != nil {
		t.Fatal(err)
	}
	to := channel
	to.Private, to.Extra = true, map[string]string{"response_url": server.NewResponseURL()}
	if _, err := a.Send(t.Context(), to, part); err != nil {
		t.Fatal(err)
	}
	expectLocale(t, a, server, "U3", "en-US", 3)
}

func TestLocaleFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  fakeslack.Fault
		others bool          // nobody else is asked for meanwhile either
		quiet  time.Duration // how long
	}{
		{"user_not_found", fakeslack.Refuse("user_not_found"), false, 5 * time.Minute},
		{"user_not_visible", fakeslack.Refuse("user_not_visible"), false, 5 * time.Minute},
		{"no reason", fakeslack.Fault{Body: `{"ok":false}`}, false, 5 * time.Minute},
		{"nobody", fakeslack.Fault{Body: `{"ok":true,"user":{}}`}, false, 5 * time.Minute},
		{"garbled", fakeslack.TakeThenGarble(), false, 5 * time.Minute},
		{"500", fakeslack.Status(http.StatusInternalServerError), false, 5 * time.Minute},
		{"cut", fakeslack.Cut(), false, 5 * time.Minute},
		{"429", fakeslack.RateLimit(7 * time.Minute), true, 7 * time.Minute},
		{"429 for a moment", fakeslack.RateLimit(time.Second), true, time.Second},
		{"429 without a wait", fakeslack.Status(http.StatusTooManyRequests), true, 5 * time.Minute},
		{"200 and ratelimited", fakeslack.Refuse("ratelimited"), true, 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, server, move := reader(t, "users:read")
			server.Script(fakeslack.UsersInfo, c.fault)
			expectLocale(t, a, server, "U1", "", 1)
			move(c.quiet - 1)
			expectLocale(t, a, server, "U1", "", 1)
			calls := 1
			if c.others {
				expectLocale(t, a, server, "U2", "", calls)
			} else {
				calls++
				expectLocale(t, a, server, "U2", "en-US", calls)
			}
			move(1)
			expectLocale(t, a, server, "U1", "zh-CN", calls+1)
		})
	}
}

// scoped is an answer of Slack's to a token with these scopes.
func scoped(r *http.Request, scopes, body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"X-Oauth-Scopes": {scopes}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

// Slack has two seconds; who stops asking before learns nothing of Slack.
func TestLocaleTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		calls := 0
		a := newAdapter(t, slack.Options{
			HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if calls++; calls == 1 {
					return scoped(r, "chat:write, users:read", `{"ok":true,"user_id":"U0"}`), nil
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			})},
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})),
		})
		if _, _, err := a.AuthTest(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ patience, takes time.Duration }{
			{time.Second, time.Second}, {time.Minute, 2 * time.Second}, {time.Minute, 0},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.patience)
			start := time.Now()
			if got := a.Locale(ctx, "U1"); got != "" || time.Since(start) != c.takes {
				t.Errorf("%q after %v, want nothing after %v", got, time.Since(start), c.takes)
			}
			cancel()
		}
		if calls != 3 {
			t.Errorf("%d calls, want 3", calls)
		}
		if log.Len() > 0 {
			t.Errorf("nobody needs to know: %s", &log)
		}
	})
}

// The memory is bounded, whoever writes.
func TestLocalesAreBounded(t *testing.T) {
	t.Parallel()
	asked := 0
	a := newAdapter(t, slack.Options{HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, fakeslack.AuthTest) {
			return scoped(r, "users:read", `{"ok":true,"user_id":"U0"}`), nil
		}
		asked++
		return scoped(r, "users:read", `{"ok":true,"user":{"id":"U1","locale":"de-DE"}}`), nil
	})}})
	if _, _, err := a.AuthTest(t.Context()); err != nil {
		t.Fatal(err)
	}
	const most = 10_000
	for n := range most + 1 {
		a.Locale(t.Context(), fmt.Sprint("U", n))
	}
	before := asked
	if a.Locale(t.Context(), fmt.Sprint("U", most)); asked != before {
		t.Error("the newest is not kept")
	}
	if a.Locale(t.Context(), "U0"); asked != before+1 {
		t.Errorf("all of %d people are kept", most+1)
	}
}

// The name comes with the locale, by one call.
func TestNameComesWithTheLocale(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Grant("chat:write", "users:read")
	if name := a.Name(t.Context(), "U1"); name != "" {
		t.Errorf("%q before anything was heard from Slack", name)
	}
	if _, err := a.Send(t.Context(), channel, part); err != nil {
		t.Fatal(err)
	}
	if name := a.Name(t.Context(), "U1"); name != "name-U1" {
		t.Errorf("%q", name)
	}
	expectLocale(t, a, server, "U1", "en-US", 1)
}
