package proxies_test

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
)

// kind is a way in which a proxy on the same machine makes the internet look local.
type kind struct {
	name   string
	start  func(t *testing.T, config string) proxy
	config string
}

// kinds are for a Parley at this address.
func kinds(backend string) []kind {
	server := "server {\nlisten LISTEN;\nlocation / {\nproxy_pass http://" + backend + ";\n"
	section := func(mode string) string {
		return "defaults\nmode " + mode + "\ntimeout connect 5s\ntimeout client 20s\ntimeout server 20s\n" +
			"frontend in\nbind LISTEN\ndefault_backend out\nbackend out\nserver parley " + backend
	}
	return []kind{
		{"nginx, bare", nginx, server + "}\n}"},
		{"nginx with the Host", nginx, server + "proxy_set_header Host $http_host;\n}\n}"},
		{"HAProxy in http mode", haproxy, section("http")},
		{"HAProxy in tcp mode", haproxy, section("tcp")},
		{"nobody stands between", func(*testing.T, string) proxy { return proxy{"http://" + backend} }, ""},
	}
}

// closed is what a stranger must not get, and the status for who has the token.
func closed() []struct {
	method, path, body string
	known              int
} {
	const said = `{"sender_id":"stranger","text":"/history"}`
	return []struct {
		method, path, body string
		known              int
	}{
		{"POST", "/webhooks/generic", said, 202},
		{"POST", "/webhooks/generic/generic", said, 202},
		{"GET", "/webhooks/generic/events/evt-1", "", 404},
		{"GET", "/", "", 200},
		{"GET", "/chat/messages", "", 200},
		{"POST", "/chat/messages", `{"id":"1","text":"/export"}`, 200},
		{"GET", "/api/v1/stats", "", 200},
		{"GET", "/api/v1/conversations", "", 200},
		{"GET", "/api/v1/events", "", 200},
		{"POST", "/api/v1/jobs/none/run", "", 404},
		{"GET", "/metrics", "", 200},
		{"GET", "/admin/", "", 404},
	}
}

// A proxy on the same machine makes the internet look local. Nobody is let in
// for that, whatever the request says of itself.
func TestStrangersThroughAProxy(t *testing.T) {
	t.Parallel()
	backend := parley(t)
	for _, k := range kinds(backend) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			p := k.start(t, k.config)
			for _, claim := range []map[string]string{
				{},
				{"Host": "localhost"},
				{"Host": "127.0.0.1:8080", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1;host=localhost"},
				{"Host": "localhost", "X-Forwarded-Proto": "https", "Origin": "http://localhost"},
			} {
				for _, c := range closed() {
					a := ask{c.method, c.path, c.body, maps.Clone(claim)}
					a.header["Content-Type"] = "application/json"
					if resp, body := p.ask(t, a); resp.StatusCode != http.StatusUnauthorized {
						t.Errorf("%s %s as %v: %d %.200s, want 401", a.method, a.path, claim, resp.StatusCode, body)
					}
					a.header["Authorization"] = "Bearer " + adminToken
					if resp, body := p.ask(t, a); resp.StatusCode != c.known {
						t.Errorf("%s %s as %v with the token: %d %.200s, want %d", a.method, a.path, claim, resp.StatusCode, body, c.known)
					}
				}
			}
		})
	}
}

// documented returns the configuration that docs/proxy.md has in a language.
func documented(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 1 {
		t.Fatalf("docs/proxy.md has %d blocks of %s, want one", len(blocks), language)
	}
	return string(blocks[0][1])
}

// change puts the places of a test into a documented configuration.
func change(t *testing.T, text string, places map[string]string) string {
	t.Helper()
	for from, to := range places {
		if !strings.Contains(text, from) {
			t.Fatalf("the documented configuration no longer holds %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

func documentedNginx(t *testing.T, backend string, more map[string]string) proxy {
	t.Helper()
	certificate := certificate(t)
	places := map[string]string{
		"listen 443 ssl":               "listen LISTEN ssl",
		"/etc/ssl/bot.example.com.pem": certificate,
		"/etc/ssl/bot.example.com.key": certificate,
		"http://127.0.0.1:8080":        "http://" + backend,
	}
	maps.Copy(places, more)
	return nginx(t, change(t, documented(t, "nginx"), places))
}

func documentedHAProxy(t *testing.T, backend string, more map[string]string) proxy {
	t.Helper()
	places := map[string]string{
		"bind :443": "bind LISTEN", "/etc/haproxy/bot.example.com.pem": certificate(t), "server parley 127.0.0.1:8080": "server parley " + backend,
	}
	maps.Copy(places, more)
	return haproxy(t, change(t, documented(t, "haproxy"), places))
}

// What docs/proxy.md shows forwards the webhooks and nothing else.
func TestDocumentedProxies(t *testing.T) {
	t.Parallel()
	backend := parley(t)
	for name, start := range map[string]func(t *testing.T, backend string, places map[string]string) proxy{
		"nginx": documentedNginx, "HAProxy": documentedHAProxy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, backend, nil)
			p.url = strings.Replace(p.url, "http:", "https:", 1)
			for _, c := range closed() {
				for _, host := range []string{"bot.example.com", "localhost"} {
					a := ask{c.method, c.path, c.body, map[string]string{"Host": host, "Content-Type": "application/json"}}
					known, stranger := c.known, http.StatusUnauthorized
					if !strings.HasPrefix(c.path, "/webhooks/") {
						known, stranger = http.StatusNotFound, http.StatusNotFound
					}
					if resp, body := p.ask(t, a); resp.StatusCode != stranger {
						t.Errorf("%s %s at %s: %d %.200s, want %d", a.method, a.path, host, resp.StatusCode, body, stranger)
					}
					a.header["Authorization"] = "Bearer " + adminToken
					if resp, body := p.ask(t, a); resp.StatusCode != known {
						t.Errorf("%s %s at %s with the token: %d %.200s, want %d", a.method, a.path, host, resp.StatusCode, body, known)
					}
				}
			}
			// No way round: with the token, so that only the proxy and the routes refuse.
			for _, path := range []string{"/webhooks/../metrics", "/webhooks/%2e%2e/metrics", "//metrics", "/webhooksx"} {
				if resp, body := p.ask(t, ask{"GET", path, "", map[string]string{"Authorization": "Bearer " + adminToken}}); resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s: %d %.200s, want 404", path, resp.StatusCode, body)
				}
			}
			// Replies arrive.
			resp, body := p.ask(t, ask{
				"POST", "/webhooks/generic", `{"sender_id":"alice","text":"hello"}`,
				map[string]string{"Authorization": "Bearer " + adminToken, "Accept": "text/event-stream"},
			})
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, "event: done") {
				t.Errorf("a stream: %d %s", resp.StatusCode, body)
			}
		})
	}
}

// The session cookie is that of TLS where a trusted proxy says so, and the
// public page is not taken for another site's.
func TestSignInThroughAProxy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		trusted []string
		cookie  string
	}{
		{"trusted", []string{"127.0.0.1/32"}, "__Host-parley_session"},
		{"not trusted", nil, "parley_session"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			backend := parley(t, func(c *config.Config) {
				c.Server.TrustedProxies, c.Server.PublicURL = tt.trusted, "https://bot.example.com"
			})
			p := documentedNginx(t, backend, map[string]string{"location /webhooks/": "location /", "location / {\n        return 404;\n    }": ""})
			p.url = strings.Replace(p.url, "http:", "https:", 1)
			form := map[string]string{"Host": "bot.example.com", "Origin": "https://bot.example.com", "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-Proto": "http"}
			resp, body := p.ask(t, ask{"POST", "/login", url.Values{"token": {adminToken}}.Encode(), form})
			cookies := resp.Cookies()
			if resp.StatusCode != http.StatusSeeOther || len(cookies) != 1 || cookies[0].Name != tt.cookie || cookies[0].Secure != (tt.trusted != nil) {
				t.Fatalf("%d %v %s", resp.StatusCode, cookies, body)
			}
			session := map[string]string{"Host": "bot.example.com", "Cookie": cookies[0].Name + "=" + cookies[0].Value}
			if resp, body := p.ask(t, ask{"GET", "/", "", session}); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Sign out") {
				t.Errorf("the page: %d %s", resp.StatusCode, body)
			}
		})
	}
}
