package fakecallback

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeserver"
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
	base *fakeserver.Base // guards what is below
	o    Options

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
	s := &Server{
		base:  fakeserver.New(),
		o:     o,
		taken: map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /callback", s.serve)
	if err := s.base.Start(mux, nil); err != nil {
		return nil, fmt.Errorf("fake program: %w", err)
	}
	return s, nil
}

// URL returns the callback URL.
func (s *Server) URL() string { return s.base.URL() + "/callback" }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (s *Server) Close() { s.base.Close() }

// Script adds steps, one for each genuine callback to come. After the last one
// every callback is taken and answered with 200.
func (s *Server) Script(steps ...Step) {
	s.base.Lock()
	defer s.base.Unlock()
	s.script = append(s.script, steps...)
}

// Unused returns how many steps no callback has met yet.
func (s *Server) Unused() int {
	s.base.Lock()
	defer s.base.Unlock()
	return len(s.script)
}

// Calls returns every callback, in the order they came in.
func (s *Server) Calls() []Call {
	s.base.Lock()
	defer s.base.Unlock()
	return slices.Clone(s.calls)
}

// Replies returns what was taken, each webhook-id once, in order.
func (s *Server) Replies() []Reply {
	s.base.Lock()
	defer s.base.Unlock()
	return slices.Clone(s.replies)
}

// WaitCalls returns the calls once there are n; its error is that of ctx.
func (s *Server) WaitCalls(ctx context.Context, n int) ([]Call, error) {
	err := s.base.Wait(ctx, func() bool { return len(s.calls) >= n })
	return s.Calls(), err
}

// WaitReplies returns the replies once there are n; its error is that of ctx.
func (s *Server) WaitReplies(ctx context.Context, n int) ([]Reply, error) {
	err := s.base.Wait(ctx, func() bool { return len(s.replies) >= n })
	return s.Replies(), err
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.base.Enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.base.Leave()
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
	step := Answer(http.StatusOK)
	s.base.Update(func() {
		if reply != nil && len(s.script) > 0 {
			step, s.script = s.script[0], s.script[1:]
		}
		call.Repeat = s.taken[call.WebhookID]
		s.calls = append(s.calls, call)
		if reply != nil && step.Take && !call.Repeat {
			s.taken[call.WebhookID] = true
			s.replies = append(s.replies, *reply)
		}
	})
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
		case <-s.base.Stopping():
		}
	}
	if step.Hang || step.Cut {
		panic(http.ErrAbortHandler) // closes the connection
	}
	maps.Copy(w.Header(), step.Header)
	w.WriteHeader(step.Status)
}
