package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/internal/failure"
)

// limitBodyTime gives the body of a request its time. The limit also holds
// while the server throws away a body that no handler has read.
func (s *Server) limitBodyTime(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// A deadline on a real connection counts in real time. Where there is
		// no connection (tests) there is nothing to limit.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.o.BodyTimeout))
	}
}

// endBodyTime takes the limit off: once the body has been read, reading only
// watches for the client going away.
func endBodyTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// timedBody is for handlers that read the body themselves. It must not take
// the place of the server's own body in the server's own request: net/http
// looks at that one to close a connection gently.
type timedBody struct {
	io.ReadCloser

	w http.ResponseWriter
}

// Read reads from the body and ends its time with it.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		endBodyTime(b.w)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay io.EOF
}

// readBody reads the whole body of a webhook, at most BodyLimit bytes.
func (s *Server) readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > s.o.BodyLimit {
		return nil, s.tooLarge()
	}
	var body bytes.Buffer
	// A length that is only claimed gets no more than a first helping.
	body.Grow(int(min(max(r.ContentLength, 0), 32<<10)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(r.Body, s.o.BodyLimit+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlowBody
	case err != nil:
		return nil, failure.New(failure.Invalid, "broken_body", "the body did not arrive whole", err)
	case int64(body.Len()) > s.o.BodyLimit:
		return nil, s.tooLarge()
	}
	if r.ContentLength != 0 {
		endBodyTime(c.Response())
	}
	return body.Bytes(), nil
}

func (s *Server) tooLarge() error {
	return failure.New(failure.TooLarge, "body_too_large",
		fmt.Sprintf("the body is larger than %d bytes", s.o.BodyLimit), nil)
}
