package fakeopenai

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server is a running fake. Its methods are safe for concurrent use.
type Server struct {
	http     *http.Server
	url      string
	stopping chan struct{}
	stop     sync.Once
	serving  sync.WaitGroup // the accept loop and every request

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and renewed when calls or left change
	calls   []Call
	left    int
	conns   int
	script  []Step
	always  Step
	reply   func(Call) string
	key     string
	models  []string
}

// Start listens on a port of 127.0.0.1 that the kernel chooses.
func Start() (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake OpenAI: %w", err)
	}
	s := &Server{
		url:      "http://" + listener.Addr().String() + "/v1",
		stopping: make(chan struct{}),
		changed:  make(chan struct{}),
		reply:    func(c Call) string { return "reply to: " + c.LastUserText() },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.authorized(s.complete))
	mux.HandleFunc("GET /v1/models", s.authorized(s.listModels))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ConnState: s.countConnections}
	s.serving.Go(func() { _ = s.http.Serve(listener) }) // ends with Close
	return s, nil
}

// URL returns the base URL, with /v1 and no slash after it.
func (s *Server) URL() string { return s.url }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (s *Server) Close() {
	s.stop.Do(func() {
		s.update(func() { s.closed = true })
		close(s.stopping)
		_ = s.http.Close()
	})
	s.serving.Wait()
}

// enter counts a request that Close waits for; false once the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.serving.Add(1)
	return true
}

// Connections returns how many connections clients have opened so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

func (s *Server) countConnections(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.update(func() { s.conns++ })
	}
}

// SetReply sets what is answered; the default is "reply to: " and the last
// user text.
func (s *Server) SetReply(reply func(Call) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

// RequireKey makes every request without this bearer key a 401; "" takes all.
func (s *Server) RequireKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// SetModels sets what GET /models lists and makes every other model a 404;
// without it, all are taken.
func (s *Server) SetModels(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = slices.Clone(ids)
}

// Script queues the behaviour of the next calls, one step for each.
func (s *Server) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, steps...)
}

// Unused returns how many scripted steps no call has met yet.
func (s *Server) Unused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.script)
}

// Always sets the behaviour of the calls that the script does not cover; the
// zero Step is a proper answer.
func (s *Server) Always(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = step
}

// Hold makes every call that comes from now on wait ("thinking") until release
// is called, which may happen more than once.
func (s *Server) Hold() (release func()) {
	gate := make(chan struct{})
	s.Always(Step{Gate: gate})
	return sync.OnceFunc(func() {
		s.Always(Step{})
		close(gate)
	})
}

// Calls returns the chat completions asked for so far, in the order of their arrival.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// WaitCalls waits until n chat completions have been asked for and returns them all.
func (s *Server) WaitCalls(ctx context.Context, n int) ([]Call, error) {
	err := s.waitFor(ctx, func() bool { return len(s.calls) >= n })
	return s.Calls(), err
}

// WaitLeft waits until n clients have gone away before their answer was whole.
func (s *Server) WaitLeft(ctx context.Context, n int) error {
	return s.waitFor(ctx, func() bool { return s.left >= n })
}

// waitFor waits until reached, which runs under the lock, is true.
func (s *Server) waitFor(ctx context.Context, reached func() bool) error {
	for {
		s.mu.Lock()
		done, changed := reached(), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("fake OpenAI: waiting for calls: %w", ctx.Err())
		case <-s.stopping:
			return errClosed
		}
	}
}

var errClosed = errors.New("fake OpenAI: closed")

// update changes the state and wakes who waits for it.
func (s *Server) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// record keeps the call and returns it with its number, the behaviour to show
// and the proper answer.
func (s *Server) record(c Call) (Call, Step, string) {
	var step Step
	var reply func(Call) string
	s.update(func() {
		c.Number = len(s.calls) + 1
		s.calls = append(s.calls, c)
		step, reply = s.always, s.reply
		if len(s.script) > 0 {
			step, s.script = s.script[0], s.script[1:]
		}
	})
	if step.Text != nil {
		return c, step, *step.Text
	}
	return c, step, reply(c)
}
