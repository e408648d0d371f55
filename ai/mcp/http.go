package mcp

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/parley-bot/parley/internal/failure"
)

// retries is how often the SDK takes up a stream that broke off, before the
// connection counts as ended.
const retries = 3

// httpTransport speaks to the address that the configuration names, and to no other:
// headers are secrets, so no redirect is followed.
func httpTransport(server Server) (transport sdk.Transport, idle func()) {
	// An answer has no limit of its own: a tool may take its time.
	base := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: lookTime, IdleConnTimeout: 2 * lookEvery,
	}
	s := &sender{base: base, headers: server.Headers}
	endpoint := server.URL
	if address, err := url.Parse(server.URL); err == nil {
		s.user, s.query = address.User, address.RawQuery
		address.User, address.RawQuery = nil, ""
		endpoint = address.String()
	}
	return &sdk.StreamableClientTransport{
		Endpoint: endpoint, MaxRetries: retries, MaxEventSize: maxMessage,
		HTTPClient: &http.Client{
			Transport:     s,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, base.CloseIdleConnections
}

// sender adds to requests what is secret of them, so that no error of the SDK holds
// it: the configured headers, and of the address who signs in and its query. It bounds
// answers.
type sender struct {
	base    *http.Transport
	headers map[string]string
	user    *url.Userinfo
	query   string
}

// keyOf is the key of a call in a context, see [withKey].
type keyOf struct{}

// withKey has the requests of a call carry its key.
func withKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

// RoundTrip is http.RoundTripper's.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.RawQuery = s.query
	if s.user != nil {
		password, _ := s.user.Password()
		r.SetBasicAuth(s.user.Username(), password)
	}
	for name, value := range s.headers {
		r.Header.Set(name, value)
	}
	if key, ok := r.Context().Value(keyOf{}).(string); ok && r.Method == http.MethodPost {
		r.Header.Set("Idempotency-Key", key)
	}
	response, err := s.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// Of a stream the SDK bounds each event.
	if kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "text/event-stream" {
		response.Body = &bounded{ReadCloser: response.Body, left: maxMessage}
	}
	return response, nil
}

// bounded fails where there is more than may be read.
type bounded struct {
	io.ReadCloser

	left int64
}

var errTooLarge = failure.New(failure.TooLarge, "tool_answer_too_large", "the answer is too large", nil)

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if n, err := b.ReadCloser.Read(p[:min(1, len(p))]); n == 0 {
			return 0, err
		}
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
