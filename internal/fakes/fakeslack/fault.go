package fakeslack

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way in which a call goes wrong. The zero value is none.
type Fault struct {
	// Wait holds the call up before anything else: until the channel is
	// closed, the client leaves or the server closes.
	Wait <-chan struct{}
	// Delay holds the call up for a time.
	Delay time.Duration
	// Hang never answers. Nothing is posted unless Take is set.
	Hang bool
	// Take does what was asked before the rest goes wrong.
	Take bool
	// Early does what was asked before the call is held up, instead of after it.
	Early bool
	// Cut closes the connection instead of answering.
	Cut bool
	// Status answers with this HTTP status and a page that is no JSON.
	Status int
	// RetryAfter is sent along, in whole seconds.
	RetryAfter time.Duration
	// Code answers {"ok": false, "error": Code}.
	Code string
	// Body answers 200 with exactly this.
	Body string
}

// RateLimit answers 429 and asks to wait.
func RateLimit(wait time.Duration) Fault {
	return Fault{Status: http.StatusTooManyRequests, RetryAfter: wait}
}

// Status answers with an HTTP status; nothing is posted.
func Status(code int) Fault { return Fault{Status: code} }

// Refuse answers {"ok": false, "error": code}; nothing is posted.
func Refuse(code string) Fault { return Fault{Code: code} }

// Hang never answers; nothing is posted.
func Hang() Fault { return Fault{Hang: true} }

// TakeThenHang posts and never answers.
func TakeThenHang() Fault { return Fault{Take: true, Hang: true} }

// TakeThenCut posts and closes the connection without an answer.
func TakeThenCut() Fault { return Fault{Take: true, Cut: true} }

// Cut closes the connection without an answer; nothing is posted.
func Cut() Fault { return Fault{Cut: true} }

// TakeThenStatus posts and answers with an HTTP status all the same.
func TakeThenStatus(code int) Fault { return Fault{Take: true, Status: code} }

// TakeThenRefuse posts and answers {"ok": false, "error": code} all the same.
func TakeThenRefuse(code string) Fault { return Fault{Take: true, Code: code} }

// TakeThenGarble posts and answers with something that cannot be read.
func TakeThenGarble() Fault { return Fault{Take: true, Body: `{"ok":tr`} }

// Delay answers late but well.
func Delay(d time.Duration) Fault { return Fault{Delay: d} }

// Hold answers well once release is closed.
func Hold(release <-chan struct{}) Fault { return Fault{Wait: release} }

// TakeThenHold posts and answers well once release is closed.
func TakeThenHold(release <-chan struct{}) Fault { return Fault{Early: true, Wait: release} }

// Taken is the fault with the message posted all the same.
func (f Fault) Taken() Fault {
	f.Take = true
	return f
}

// Script makes the next calls of a method go wrong, one fault each, after
// those scripted already. An empty Fault lets one call pass.
func (s *Server) Script(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// Unused returns how many scripted faults no call has met yet.
func (s *Server) Unused() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range s.faults {
		n += len(queue)
	}
	return n
}

// perform answers one call. take does what was asked and returns the answer.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, f Fault, take func() any) {
	var answer any
	if f.Early {
		answer = take()
	}
	if !s.holdUp(r.Context(), f) {
		return
	}
	spoilt := f.Hang || f.Cut || f.Status != 0 || f.Code != "" || f.Body != ""
	if !f.Early && (f.Take || !spoilt) {
		answer = take()
	}
	switch {
	case f.Hang:
		s.block(r.Context(), nil)
		panic(http.ErrAbortHandler)
	case f.Cut:
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	default:
		f.answer(w, answer)
	}
}

func (f Fault) answer(w http.ResponseWriter, answer any) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	switch {
	case f.Status != 0:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("<html>not JSON</html>"))
	case f.Code != "":
		writeJSON(w, refusal(f.Code))
	case f.Body != "":
		_, _ = w.Write([]byte(f.Body))
	default:
		writeJSON(w, answer)
	}
}

// holdUp reports whether the call still goes on after waiting.
func (s *Server) holdUp(ctx context.Context, f Fault) bool {
	if f.Wait != nil && !s.block(ctx, f.Wait) {
		return false
	}
	if f.Delay == 0 {
		return true
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.stop:
	}
	return false
}

// block waits for release, and reports false when the client or the server
// left first.
func (s *Server) block(ctx context.Context, release <-chan struct{}) bool {
	select {
	case <-release:
		return ctx.Err() == nil
	case <-ctx.Done():
	case <-s.stop:
	}
	return false
}
