package openai

import (
	"context"
	"io"
	"net/http"

	"github.com/parley-bot/parley/ai"
)

// exchange is what go-openai does not hand out: the response as it came. It also
// bounds how much of it is read, and hears it come.
type exchange struct {
	maxText int // bytes of the answer's text that are wanted
	alive   func()

	status int
	header http.Header
	body   io.Reader
	ended  bool // one text was longer than is read; what was read of it was handed on
}

func newExchange(r ai.Request) *exchange {
	e := &exchange{maxText: maxText, alive: r.Alive}
	if r.MaxText > 0 {
		e.maxText = min(r.MaxText, maxText)
	}
	if e.alive == nil {
		e.alive = func() {}
	}
	return e
}

type exchangeKey struct{}

func withExchange(ctx context.Context, e *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return newExchange(ai.Request{})
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
	seen := exchangeOf(r.Context())
	seen.alive()
	resp.Body = &bounded{ReadCloser: resp.Body, exchange: seen, left: maxBody, line: maxLine(seen.maxText)}
	seen.status, seen.header, seen.body = resp.StatusCode, resp.Header, resp.Body
	return resp, nil
}
