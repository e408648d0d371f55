package show

import (
	"fmt"
	"io"
	"sync"
	"unicode/utf8"
)

// Writer passes text on without what would steer a terminal. A character may
// come in several pieces, as models stream them. It is safe for concurrent use.
type Writer struct {
	to      io.Writer
	replace func(text []byte, r rune) []byte

	mu   sync.Mutex
	rest []byte // the beginning of a character
}

// NewWriter returns a writer that leaves out what would steer a terminal.
func NewWriter(to io.Writer) *Writer {
	return &Writer{to: to, replace: func(text []byte, _ rune) []byte { return text }}
}

// NewJSON returns a writer for JSON: what would steer a terminal is escaped
// there, so that the value stays what it is.
func NewJSON(to io.Writer) *Writer {
	return &Writer{to: to, replace: func(text []byte, r rune) []byte {
		if r < ' ' { // never inside a JSON text
			return text
		}
		return fmt.Appendf(text, `\u%04x`, r)
	}}
}

// Unwrap returns the writer below, for what steers the terminal on purpose.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Write implements io.Writer. What is no UTF-8 becomes U+FFFD: its bytes may
// steer a terminal too.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	in := append(w.rest, p...)
	out := make([]byte, 0, len(in))
	for len(in) > 0 && utf8.FullRune(in) {
		r, size := utf8.DecodeRune(in)
		if steers(r) {
			out = w.replace(out, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
		in = in[size:]
	}
	w.rest = append([]byte(nil), in...)
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
