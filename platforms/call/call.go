// Package call is what every HTTP call to a platform has in common: no redirect
// is followed, what certainly was not sent is told from what may have been, a
// wait that is asked for is bounded, and no address gets into an error.
package call

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// MaxWait bounds what the other side may ask for in Retry-After.
const MaxWait = 24 * time.Hour

// Client returns a copy of c, or a new client where c is nil, that follows no
// redirect: one could carry a token, or what a reply says, to another host. A
// timeout of 0 becomes the given one.
func Client(c *http.Client, timeout time.Duration) *http.Client {
	own := http.Client{}
	if c != nil {
		own = *c
	}
	if own.Timeout == 0 {
		own.Timeout = timeout
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Sending notes how far a request came. The zero value is ready for one.
type Sending struct {
	asked, connected atomic.Bool // for a connection
}

// Watch returns a context for the request.
func (s *Sending) Watch(ctx context.Context) context.Context {
	if ctx.Err() != nil {
		s.asked.Store(true) // in vain
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.connected.Store(true) },
	})
}

// Never reports whether a request that failed with err certainly was not sent:
// it never got a connection. Of any other that fails nobody knows.
func (s *Sending) Never(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	return s.asked.Load() && !s.connected.Load()
}

// RetryAfter reads for how long the other side asks to wait, in seconds or until
// a date, at most [MaxWait]; 0 where it does not say.
// Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(MaxWait/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), MaxWait)
}

// WithoutAddress takes the address out of an error of net/http or net/url: it
// may hold a password, a token or a ticket.
func WithoutAddress(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}
