package respond

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/service"
)

// slowReader is how long one write to a client that does not read may take.
const slowReader = 30 * time.Second

// Stream writes server-sent events, each one flushed, and comments in between
// so that proxies keep the connection. It may be used by several goroutines.
// After the first failed write it stays silent.
//
// https://html.spec.whatwg.org/multipage/server-sent-events.html
type Stream struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	rc      *http.ResponseController
	started bool
	err     error
}

// NewStream returns a stream on w. Nothing is written before Start or the
// first event, so that an error can still have its own status.
func NewStream(w http.ResponseWriter) *Stream {
	return &Stream{w: w, rc: http.NewResponseController(w)}
}

// Start writes the header and a first comment.
func (s *Stream) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return s.err
	}
	return s.write([]byte(":\n\n"))
}

// Started reports whether the answer has begun.
func (s *Stream) Started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

// Send writes one event with v as its JSON data.
func (s *Stream) Send(event string, v any) error {
	data, err := json.Marshal(v) // one line: JSON escapes every newline
	if err != nil {
		return err
	}
	frame := make([]byte, 0, len(event)+len(data)+len("event: \ndata: \n\n"))
	frame = append(frame, "event: "+event+"\ndata: "...)
	frame = append(frame, data...)
	frame = append(frame, "\n\n"...)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(frame)
}

// KeepAlive begins to write a comment every interval. The function it returns
// ends that and waits for it.
func (s *Stream) KeepAlive(ctx context.Context, interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for range service.Every(ctx, interval) {
			s.comment()
		}
	})
	return func() { cancel(); running.Wait() }
}

func (s *Stream) comment() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.write([]byte(":\n\n")) // kept in s.err
}

// write needs the lock.
func (s *Stream) write(frame []byte) error {
	if s.err != nil {
		return s.err
	}
	if !s.started {
		s.begin()
	}
	// A deadline on a real connection counts in real time. Where there is no
	// connection (tests) there is nothing to set.
	if err := s.rc.SetWriteDeadline(time.Now().Add(slowReader)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
		return err
	}
	if _, err := s.w.Write(frame); err != nil {
		s.err = err
		return err
	}
	s.err = s.rc.Flush()
	return s.err
}

func (s *Stream) begin() {
	s.started = true
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx: hand on each event at once
	s.w.WriteHeader(http.StatusOK)
}
