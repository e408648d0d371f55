package slack

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	maxAnswer     = 16 << 20 // bytes of an answer that are read
	maxRetryAfter = 24 * time.Hour
)

// exchange makes the HTTP request of one call and notes what is certain about
// it. A request that never got a connection was certainly not sent; of any
// other that fails nobody knows.
type exchange struct {
	client     *http.Client
	locales    *locales
	asked      atomic.Bool // for a connection
	connected  atomic.Bool
	retryAfter time.Duration
}

func (a *Adapter) exchange() *exchange { return &exchange{client: a.http, locales: &a.locales} }

// Do makes the request. It takes the URL out of errors: a response URL lets
// whoever reads the log write into the channel.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		x.asked.Store(true) // in vain
		return nil, err
	}
	trace := &httptrace.ClientTrace{
		GetConn: func(string) { x.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { x.connected.Store(true) },
	}
	resp, err := x.client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok {
			err = named.Err
		}
		return nil, err
	}
	x.locales.heed(resp.Header)
	seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 32)
	if wait := time.Duration(seconds) * time.Second; err == nil && wait <= maxRetryAfter {
		x.retryAfter = wait
	} else {
		resp.Header.Del("Retry-After") // the SDK takes anything but a number for an unknown error
	}
	resp.Body = bounded{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

type bounded struct {
	io.Reader
	io.Closer
}

// unsent reports whether the request that failed with err certainly never left.
func (x *exchange) unsent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	return x.asked.Load() && !x.connected.Load()
}
