package web

import (
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

	w     http.ResponseWriter
	ended bool
}

// Read reads from the body and ends its time with it.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended = true
		endBodyTime(b.w)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay io.EOF
}

// firstHelping is the memory, in bytes, that a body gets before anything of it
// is there, however long it claims to be.
const firstHelping = 16 << 10

// readBody reads the whole body of a webhook, at most so many bytes, into
// memory that in accounts for.
func (s *Server) readBody(c echo.Context, in *incoming, most int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength == 0 {
		return nil, nil
	}
	body, err := collect(r, in, most)
	if crowded := in.keep(); crowded != nil {
		return nil, crowded
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlowBody
	case failure.KindOf(err) == failure.Unavailable:
		return nil, err
	case err != nil:
		return nil, failure.New(failure.Invalid, "broken_body", "the body is incomplete", err)
	case int64(len(body)) > most:
		return nil, s.tooLong(most)
	}
	endBodyTime(c.Response())
	return body, nil
}

// collect reads until the end of the body, or one byte more than is allowed. When
// the memory is full it takes four times as much, and while it copies holds both.
func collect(r *http.Request, in *incoming, most int64) ([]byte, error) {
	most++
	if r.ContentLength > 0 {
		most = min(most, r.ContentLength+1) // room to see the end
	}
	var body []byte
	for size := min(firstHelping, most); ; size = min(4*size, most) {
		if err := in.hold(size); err != nil {
			return nil, err
		}
		larger := make([]byte, len(body), size)
		copy(larger, body)
		if err := in.hold(-int64(cap(body))); err != nil {
			return nil, err
		}
		body = larger
		for len(body) < cap(body) {
			n, err := r.Body.Read(body[len(body):cap(body)])
			body = body[:len(body)+n]
			if errors.Is(err, io.EOF) {
				return body, nil
			}
			if err != nil {
				return nil, err
			}
		}
		if size == most {
			return body, nil
		}
	}
}

// tooLong is for a body of more than most bytes.
func (s *Server) tooLong(most int64) error {
	if most < s.o.BodyLimit {
		return errNeedsProof
	}
	return failure.New(failure.TooLarge, "body_too_large",
		fmt.Sprintf("the body is larger than %d bytes", s.o.BodyLimit), nil)
}

// errNeedsProof is for a body that may only come without a valid signature in
// its headers as long as it is small.
var errNeedsProof = failure.New(failure.Unauthorized, "unsigned", "a body of this size needs a valid signature in the headers", nil)

// hangUp ends the connection after the answer, since a body is on it that
// nobody has read: it would stand before the next request.
func hangUp(c echo.Context) {
	if c.Request().ContentLength == 0 {
		return
	}
	c.Response().Header().Set("Connection", "close")
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(lingering))
}

// lingering is how long a sender may go on with a body that is refused before
// the connection ends.
const lingering = 5 * time.Second
