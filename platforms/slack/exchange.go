package slack

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-bot/parley/platforms/call"
)

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 16 << 20

// exchange makes the HTTP request of one call and notes what is certain about
// it. A request that never got a connection was certainly not sent; of any
// other that fails nobody knows.
type exchange struct {
	client     *http.Client
	scope      string            // what a limit that the call meets holds for
	heed       func(http.Header) // the headers of answers
	sending    call.Sending
	retryAfter time.Duration
}

func (a *Adapter) exchange(scope string) *exchange {
	return &exchange{client: a.http, scope: scope, heed: a.heed}
}

// Do makes the request. It takes the URL out of errors: a response URL lets
// whoever reads the log write into the channel.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	resp, err := x.client.Do(req.WithContext(x.sending.Watch(req.Context())))
	if err != nil {
		return nil, call.WithoutAddress(err)
	}
	x.heed(resp.Header)
	if x.retryAfter = call.RetryAfter(resp.Header, time.Now()); x.retryAfter > 0 {
		resp.Header.Set("Retry-After", strconv.Itoa(int(x.retryAfter/time.Second)))
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
