package openai

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxBody bounds a whole response: 128k tokens at some 500 bytes of event each.
	maxBody = 64 << 20
	// around is how much more than its text one line of a response may hold:
	// what a model thinks, tool calls, log probabilities.
	around = 256 << 10
	// escaped is the most that JSON makes of one byte of text (\u0041).
	escaped = 6
)

// maxLine bounds one line of a response, which is an event of a stream or a
// whole answer, in bytes.
func maxLine(text int) int { return escaped*text + around }

// bounded is a response that is read within limits: of all of it, and of each
// line. A line that goes on beyond its limit in the middle of a JSON string ends
// there, and everything that is open in it is closed: so the start of an endless
// answer is an answer. A broken connection is marked as such.
type bounded struct {
	io.ReadCloser

	alive func()
	left  int64 // bytes of the whole
	line  int   // bytes of a line
	json  jsonState
	rest  []byte // closes what was open
	err   error  // after rest
	ended bool   // one text was longer than is read; what was read of it was handed on
}

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		n := copy(p, b.rest)
		if b.rest = b.rest[n:]; n > 0 {
			return n, nil
		}
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.alive()
	}
	b.left -= int64(n)
	for i, c := range p[:n] {
		b.json.take(c)
		if b.json.line >= b.line && b.json.closable() || b.json.line > 2*b.line {
			return b.end(p[:i+1])
		}
	}
	switch {
	case b.left < 0:
		return 0, fmt.Errorf("response body: %w", errTooLarge)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %w", errCut, err)
	default:
		return n, err //nolint:wrapcheck // io.EOF must stay what it is
	}
}

// end makes p the last that was read of the endpoint.
func (b *bounded) end(p []byte) (int, error) {
	b.err = fmt.Errorf("response body: %w", errTooLarge)
	if b.json.closable() {
		b.rest = b.json.close()
		b.ended = true
	}
	return len(p), nil
}

// jsonState is where in a line of JSON a reader is. What stands before the first
// bracket ("data: ") is nothing to it.
type jsonState struct {
	line   int    // bytes so far
	open   []byte // the brackets that close what is open, outermost first
	inText bool
	escape int // bytes that still belong to an escape sequence
}

func (s *jsonState) take(c byte) {
	s.line++
	switch {
	case c == '\n': // never inside a JSON string
		*s = jsonState{open: s.open}
	case s.line == 1 && strings.IndexByte(":deir", c) >= 0: // a field of an event stream, no JSON goes on like that
		s.open = s.open[:0]
	case s.escape > 0:
		if s.escape--; c == 'u' && s.escape == 0 {
			s.escape = 4
		}
	case s.inText && c == '\\':
		s.escape = 1
	case c == '"' && len(s.open) > 0:
		s.inText = !s.inText
	case s.inText:
	case c == '{':
		s.open = append(s.open, '}')
	case c == '[':
		s.open = append(s.open, ']')
	case (c == '}' || c == ']') && len(s.open) > 0:
		s.open = s.open[:len(s.open)-1]
	}
}

// closable reports whether the line can end behind the last byte.
func (s *jsonState) closable() bool { return s.inText && s.escape == 0 }

// close returns what ends the line.
func (s *jsonState) close() []byte {
	list := []byte{'"'}
	for i := range s.open {
		list = append(list, s.open[len(s.open)-1-i])
	}
	return append(list, "\n\n"...)
}
