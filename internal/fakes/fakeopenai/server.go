package fakeopenai

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/parley-bot/parley/internal/fakes/fakeserver"
)

// Server is a running fake. Its methods are safe for concurrent use.
type Server struct {
	base *fakeserver.Base // guards what is below

	calls  []Call
	left   int
	conns  int
	script []Step
	always Step
	gate   <-chan struct{} // of Hold; nil = open
	reply  func(Call) string
	raw    func(Call) string
	key    string
	models []string
	strict bool
	blind  bool

	recordings []Recording
	heard      string

	provider Provider
}

// Start listens on a port of 127.0.0.1 that the kernel chooses.
func Start() (*Server, error) {
	s := &Server{
		base:  fakeserver.New(),
		reply: func(c Call) string { return "reply to: " + c.LastUserText() },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.authorized(s.complete))
	mux.HandleFunc("POST /v1/audio/transcriptions", s.authorized(s.transcribe))
	mux.HandleFunc("GET /v1/models", s.authorized(s.listModels))
	if err := s.base.Start(mux, s.countConnections); err != nil {
		return nil, fmt.Errorf("fake OpenAI: %w", err)
	}
	return s, nil
}

// URL returns the base URL, with /v1 and no slash after it.
func (s *Server) URL() string { return s.base.URL() + "/v1" }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (s *Server) Close() { s.base.Close() }

// Connections returns how many connections clients have opened so far.
func (s *Server) Connections() int {
	s.base.Lock()
	defer s.base.Unlock()
	return s.conns
}

func (s *Server) countConnections(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.base.Update(func() { s.conns++ })
	}
}

// SetReply sets what is answered; the default is "reply to: " and the last
// user text.
func (s *Server) SetReply(reply func(Call) string) {
	s.base.Lock()
	defer s.base.Unlock()
	s.reply = reply
}

// SetRaw sets what is answered as it is, see Step.Raw, to calls that the script does
// not cover; "" = the protocol's own answer.
func (s *Server) SetRaw(raw func(Call) string) {
	s.base.Lock()
	defer s.base.Unlock()
	s.raw = raw
}

// RequireKey makes every request without this bearer key a 401; "" takes all.
func (s *Server) RequireKey(key string) {
	s.base.Lock()
	defer s.base.Unlock()
	s.key = key
}

// RequireAlternation refuses messages of one role that follow each other, as the
// templates of many open models do.
func (s *Server) RequireAlternation() {
	s.base.Lock()
	defer s.base.Unlock()
	s.strict = true
}

func (s *Server) wantsAlternation() bool {
	s.base.Lock()
	defer s.base.Unlock()
	return s.strict
}

// SetModels sets what GET /models lists and makes every other model a 404;
// without it, all are taken.
func (s *Server) SetModels(ids ...string) {
	s.base.Lock()
	defer s.base.Unlock()
	s.models = slices.Clone(ids)
}

// Script queues the behaviour of the next calls, one step for each.
func (s *Server) Script(steps ...Step) {
	s.base.Lock()
	defer s.base.Unlock()
	s.script = append(s.script, steps...)
}

// Unused returns how many scripted steps no call has met yet.
func (s *Server) Unused() int {
	s.base.Lock()
	defer s.base.Unlock()
	return len(s.script)
}

// Always sets the behaviour of the calls that the script does not cover; the
// zero Step is a proper answer.
func (s *Server) Always(step Step) {
	s.base.Lock()
	defer s.base.Unlock()
	s.always = step
}

// Hold makes every call that comes from now on wait ("thinking") until release
// is called, which may happen more than once. Then it goes on as it would have.
func (s *Server) Hold() (release func()) {
	gate := make(chan struct{})
	hold := func(gate <-chan struct{}) { s.base.Update(func() { s.gate = gate }) }
	hold(gate)
	return sync.OnceFunc(func() {
		hold(nil)
		close(gate)
	})
}

// Calls returns the chat completions asked for so far, in the order of their arrival.
func (s *Server) Calls() []Call {
	s.base.Lock()
	defer s.base.Unlock()
	return slices.Clone(s.calls)
}

// WaitCalls waits until n chat completions have been asked for and returns them all.
func (s *Server) WaitCalls(ctx context.Context, n int) ([]Call, error) {
	err := s.base.Wait(ctx, func() bool { return len(s.calls) >= n })
	return s.Calls(), err
}

// WaitLeft waits until n clients have gone away before their answer was whole.
func (s *Server) WaitLeft(ctx context.Context, n int) error {
	return s.base.Wait(ctx, func() bool { return s.left >= n })
}

// record keeps the call and returns it with its number, the behaviour to show
// and the proper answer.
func (s *Server) record(c Call) (Call, Step, string) {
	var step Step
	var reply, raw func(Call) string
	s.base.Update(func() {
		c.Number = len(s.calls) + 1
		s.calls = append(s.calls, c)
		step, reply, raw = s.always, s.reply, s.raw
		if len(s.script) > 0 {
			step, s.script, raw = s.script[0], s.script[1:], nil
		}
		if step.Gate == nil {
			step.Gate = s.gate
		}
	})
	if raw != nil {
		step.Raw = raw(c)
	}
	if step.Text != nil {
		return c, step, *step.Text
	}
	return c, step, reply(c)
}
