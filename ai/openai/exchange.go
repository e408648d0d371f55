package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxBody bounds a whole response: 128k tokens at some 500 bytes of event each.
const maxBody = 64 << 20

// exchange is what go-openai does not hand out: the response as it came.
type exchange struct {
	status int
	header http.Header
	body   io.Reader
}

type exchangeKey struct{}

func withExchange(ctx context.Context, e *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

// observed returns a copy of the client that notes each response in its
// request's exchange and bounds the body.
func observed(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	watched := *c
	if c.Transport == nil {
		watched.Transport = pooled()
	}
	watched.Transport = transport{watched.Transport}
	return &watched
}

// pooled returns Go's default transport with more than two idle connections to
// the one host that is called.
func pooled() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConnsPerHost = t.MaxIdleConns
	return t
}

type transport struct {
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport hands on what it wraps
	}
	resp.Body = &bounded{ReadCloser: resp.Body, left: maxBody}
	seen := exchangeOf(r.Context())
	seen.status, seen.header, seen.body = resp.StatusCode, resp.Header, resp.Body
	return resp, nil
}

// bounded fails once more than left bytes were read, and marks a broken
// connection as such.
type bounded struct {
	io.ReadCloser

	left int64
}

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return 0, fmt.Errorf("response body: %w", errTooLarge)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %w", errCut, err)
	default:
		return n, err //nolint:wrapcheck // io.EOF must stay what it is
	}
}
