package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/signin"
)

func form() map[string]string {
	return map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	b := newBenchOn(dbtest.New(t))
	const proxy = "10.0.0.1"
	https := map[string]string{"X-Forwarded-Proto": "https"}
	for _, tt := range []struct {
		name   string
		q      request
		secure bool
	}{
		{"plain http", request{}, false},
		{"who only says that it was https", request{header: https}, false},
		{"https at a trusted proxy", request{peer: proxy, header: https}, true},
		{"http at a trusted proxy", request{peer: proxy, header: map[string]string{"X-Forwarded-Proto": "http"}}, false},
	} {
		cookie, session := b.signIn(t, tt.q)
		want := map[bool]string{false: "parley_session", true: "__Host-parley_session"}[tt.secure]
		if cookie.Name != want || cookie.Secure != tt.secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("%s: %+v", tt.name, cookie)
		}
		q := request{path: "/", peer: tt.q.peer, header: tt.q.header}
		q.header = merge(q.header, "Cookie", session["Cookie"])
		if w := b.do(t, q); w.Code != http.StatusOK {
			t.Errorf("%s: the cookie does not let in: %d", tt.name, w.Code)
		}
		// The same value under the other name is nobody's session.
		other := map[bool]string{true: "parley_session", false: "__Host-parley_session"}[tt.secure]
		q.header["Cookie"] = other + "=" + cookie.Value
		if w := b.do(t, q); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: as %s: %d", tt.name, other, w.Code)
		}
	}
}

func TestLoginAndLogout(t *testing.T) {
	t.Parallel()
	b := newBenchOn(dbtest.New(t))
	page := b.do(t, request{path: "/"})
	if n := strings.Count(page.Body.String(), "<form"); page.Code != http.StatusUnauthorized || n != 1 || strings.Count(page.Body.String(), `type="password"`) != 1 {
		t.Errorf("the sign-in page: %d with %d forms", page.Code, n)
	}
	w := b.do(t, request{method: "POST", path: "/login", body: "token=wrong", header: form()})
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `role="alert"`) || len(w.Result().Cookies()) != 0 {
		t.Errorf("wrong token: %d %s", w.Code, w.Body)
	}
	if w := b.do(t, request{method: "POST", path: "/login?token=" + token, header: form()}); w.Code != http.StatusUnauthorized {
		t.Errorf("token in the address: %d, want 401", w.Code)
	}
	if w := b.do(t, request{method: "POST", path: "/login", body: "token=" + strings.Repeat("x", 1<<20), header: form()}); w.Code != http.StatusBadRequest {
		t.Errorf("huge form: %d, want 400", w.Code)
	}
	_, session := b.signIn(t, request{})
	_, other := b.signIn(t, request{})
	if page := b.do(t, request{path: "/", header: session}).Body.String(); !strings.Contains(page, `<form class="signout" method="post" action="/logout">`) {
		t.Error("signed in, but no way to sign out")
	}
	if page := b.do(t, request{path: "/", header: bearer()}).Body.String(); strings.Contains(page, "Sign out") {
		t.Error("nothing to sign out of, but a button for it")
	}
	if w := b.do(t, request{path: "/logout", header: session}); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("signing out by GET: %d", w.Code)
	}
	w = b.do(t, request{method: "POST", path: "/logout", header: session})
	if cookies := w.Result().Cookies(); w.Code != http.StatusSeeOther || len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("logout: %d %v", w.Code, cookies)
	}
	for _, path := range []string{"/", "/chat/messages", "/api/v1/jobs"} {
		if w := b.do(t, request{path: path, header: session}); w.Code != http.StatusUnauthorized {
			t.Errorf("%s with the cookie of a session that has ended: %d", path, w.Code)
		}
		if w := b.do(t, request{path: path, header: other}); w.Code != http.StatusOK {
			t.Errorf("%s with another session: %d", path, w.Code)
		}
	}
}

// A link shows one button, which uses it up; opening it does not.
func TestLink(t *testing.T) {
	t.Parallel()
	b := newBenchOn(dbtest.New(t))
	link, err := url.Parse(signin.Link("", token, b.clock))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		page := b.do(t, request{path: link.String()})
		if body := page.Body.String(); page.Code != http.StatusOK || strings.Count(body, "<button") != 1 ||
			!strings.Contains(body, `<form method="post" action="/login">`) || len(page.Result().Cookies()) != 0 {
			t.Fatalf("the page of a link: %d %s", page.Code, body)
		}
	}
	body := url.Values{"link": {link.Query().Get("link")}}.Encode()
	if w := b.do(t, request{method: "POST", path: "/login", body: body, header: merge(form(), "Sec-Fetch-Site", "cross-site")}); w.Code != http.StatusForbidden {
		t.Errorf("from another site's page: %d", w.Code)
	}
	if w := b.do(t, request{method: "POST", path: link.String(), header: form()}); w.Code != http.StatusUnauthorized {
		t.Errorf("a POST to the address alone: %d", w.Code)
	}
	_, session := b.signIn(t, request{body: body})
	if w := b.do(t, request{path: "/", header: session}); w.Code != http.StatusOK {
		t.Errorf("signed in by a link: %d", w.Code)
	}
	for name, w := range map[string]string{
		"used":    b.do(t, request{method: "POST", path: "/login", body: body, header: form()}).Body.String(),
		"opened":  b.do(t, request{path: link.String()}).Body.String(),
		"another": b.do(t, request{path: "/login?link=x"}).Body.String(),
	} {
		want := map[string]string{"used": "already been used", "opened": "already been used", "another": "not from this server"}[name]
		if !strings.Contains(w, want) || !strings.Contains(w, `type="password"`) {
			t.Errorf("%s: %s", name, w)
		}
	}
	late := signin.Link("", token, b.clock)
	b.clock = b.clock.Add(10 * time.Minute)
	if w := b.do(t, request{path: late}); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "has expired") {
		t.Errorf("an old link: %d %s", w.Code, w.Body)
	}
}
