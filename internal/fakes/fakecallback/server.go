package fakecallback

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxBody bounds what is read of one callback.
const maxBody = 16 << 20

// Options configure a server.
type Options struct {
	Secret string           // whsec_…; "" = signatures are not checked
	Now    func() time.Time // nil = time.Now
}

// Call is one callback as it came in, good or bad.
type Call struct {
	WebhookID string
	Header    http.Header
	Body      []byte
	Err       error // why it was refused with 401 or 400; such a call takes no step of the script
	Repeat    bool  // its webhook-id was taken before
}

// Reply is a callback that was taken, the first one with its webhook-id.
type Reply struct {
	WebhookID string   `json:"-"`
	Type      string   `json:"type"`
	EventID   string   `json:"event_id"`
	EventIDs  []string `json:"event_ids"`
	UserKey   string   `json:"user_key"`
	ChatID    string   `json:"chat_id"`
	ThreadID  string   `json:"thread_id"`
	Text      string   `json:"text"`
}

// Server is a running fake. Its methods are safe for concurrent use.
type Server struct {
	o        Options
	http     *http.Server
	url      string
	stopping chan struct{}
	stop     sync.Once
	serving  sync.WaitGroup // the accept loop and every request

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and renewed when calls or replies change
	script  []Step
	calls   []Call
	replies []Reply
	taken   map[string]bool
}

// Start listens on a port of 127.0.0.1 that the kernel chooses.
func Start(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake program: %w", err)
	}
	s := &Server{
		o:        o,
		url:      "http://" + listener.Addr().String() + "/callback",
		stopping: make(chan struct{}),
		changed:  make(chan struct{}),
		taken:    map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /callback", s.serve)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(listener) }) // ends with Close
	return s, nil
}

// URL returns the callback URL.
func (s *Server) URL() string { return s.url }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (s *Server) Close() {
	s.stop.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.stopping)
		_ = s.http.Close()
	})
	s.serving.Wait()
}

// Script adds steps, one for each genuine callback to come. After the last one
// every callback is taken and answered with 200.
func (s *Server) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, steps...)
}

// Unused returns how many steps no callback has met yet.
func (s *Server) Unused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.script)
}

// Calls returns every callback, in the order they came in.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Replies returns what was taken, each webhook-id once, in order.
func (s *Server) Replies() []Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.replies)
}

// WaitCalls returns the calls once there are n; its error is that of ctx.
func (s *Server) WaitCalls(ctx context.Context, n int) ([]Call, error) {
	err := s.wait(ctx, func() bool { return len(s.calls) >= n })
	return s.Calls(), err
}

// WaitReplies returns the replies once there are n; its error is that of ctx.
func (s *Server) WaitReplies(ctx context.Context, n int) ([]Reply, error) {
	err := s.wait(ctx, func() bool { return len(s.replies) >= n })
	return s.Replies(), err
}

func (s *Server) wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		ready, changed := done(), s.changed
		s.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("fake program: waiting for callbacks: %w", ctx.Err())
		}
	}
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

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.serving.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the caller left
	}
	call := Call{WebhookID: r.Header.Get(HeaderID), Header: r.Header.Clone(), Body: body}
	if call.Err = verify(s.o.Secret, r.Header, s.o.Now(), body); call.Err != nil {
		s.note(call, nil)
		http.Error(w, call.Err.Error(), http.StatusUnauthorized)
		return
	}
	reply := Reply{WebhookID: call.WebhookID}
	if call.Err = json.Unmarshal(body, &reply); call.Err != nil {
		s.note(call, nil)
		http.Error(w, call.Err.Error(), http.StatusBadRequest)
		return
	}
	s.play(w, r, s.note(call, &reply))
}

// note records a call and, when its step says so, takes the reply.
func (s *Server) note(call Call, reply *Reply) Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := Answer(http.StatusOK)
	if reply != nil && len(s.script) > 0 {
		step, s.script = s.script[0], s.script[1:]
	}
	call.Repeat = s.taken[call.WebhookID]
	s.calls = append(s.calls, call)
	if reply != nil && step.Take && !call.Repeat {
		s.taken[call.WebhookID] = true
		s.replies = append(s.replies, *reply)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return step
}

func (s *Server) play(w http.ResponseWriter, r *http.Request, step Step) {
	if step.Stall {
		w.Header().Set("Content-Length", "100")
		maps.Copy(w.Header(), step.Header)
		w.WriteHeader(step.Status)
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
	}
	if step.Hang {
		select {
		case <-r.Context().Done():
		case <-s.stopping:
		}
	}
	if step.Hang || step.Cut {
		panic(http.ErrAbortHandler) // closes the connection
	}
	maps.Copy(w.Header(), step.Header)
	w.WriteHeader(step.Status)
}
