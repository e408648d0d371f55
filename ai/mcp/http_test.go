package mcp

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Who signs in and what the query of an address says reaches the server, and is in no
// error that names where a request went.
func TestSecretsOfAnAddress(t *testing.T) {
	t.Parallel()
	var user, password, query, header string
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		query, header = r.URL.RawQuery, r.Header.Get("X-Key")
	}))
	address, err := url.Parse(web.URL + "/mcp?key=secret-query")
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("me", "secret-password")
	made, idle := httpTransport(Server{URL: address.String(), Headers: map[string]string{"X-Key": "secret-key"}})
	defer idle()
	transport, ok := made.(*sdk.StreamableClientTransport)
	if !ok {
		t.Fatalf("%T", made)
	}
	get := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, transport.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.HTTPClient.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if err := get(); err != nil || user != "me" || password != "secret-password" || query != "key=secret-query" || header != "secret-key" {
		t.Errorf("%v, sent %q %q %q %q", err, user, password, query, header)
	}
	web.Close()
	if err := get(); err == nil || !strings.Contains(err.Error(), "/mcp") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}
