package peer_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/parley-bot/parley/internal/peer"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	proxies, err := peer.Parse([]string{"10.0.0.0/8", "::1/128"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5000", nil, "192.0.2.1"},
		{"192.0.2.1:5000", []string{"203.0.113.9"}, "192.0.2.1"}, // nobody asked it
		{"10.0.0.1:5000", nil, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:5000", []string{"198.51.100.7, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"}, // what is left of it may be invented
		{"10.0.0.1:5000", []string{"198.51.100.7", "203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:5000", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"[::ffff:10.0.0.1]:5000", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"[::1]:5000", []string{"2001:db8::1"}, "2001:db8::1"},
		{"@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.remote, tt.forwarded
		if got := proxies.Address(r).String(); got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}

func TestSecure(t *testing.T) {
	t.Parallel()
	proxies, _ := peer.Parse([]string{"10.0.0.0/8"})
	for _, tt := range []struct {
		remote, proto string
		tls, want     bool
	}{
		{"192.0.2.1:5000", "", false, false},
		{"192.0.2.1:5000", "", true, true},
		{"192.0.2.1:5000", "https", false, false},
		{"10.0.0.1:5000", "https", false, true},
		{"10.0.0.1:5000", "HTTPS, http", false, true},
		{"10.0.0.1:5000", "http", false, false},
		{"10.0.0.1:5000", "", false, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		r.Header.Set("X-Forwarded-Proto", tt.proto)
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := proxies.Secure(r); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if _, err := peer.Parse([]string{"10.0.0.0"}); err == nil {
		t.Error("an address was taken for a network")
	}
}
