package cli_test

import (
	"bytes"
	"strings"
	"sync"
)

// watched is a log that somebody waits for a text in.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	until string
	seen  func()
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(b)
	if w.until != "" && strings.Contains(w.text.String(), w.until) {
		w.seen()
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
