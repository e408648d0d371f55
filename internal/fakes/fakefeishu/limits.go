package fakefeishu

import (
	"math"
	"net/http"
	"slices"
	"time"
)

// The documented limits, in a second where nothing else is said.
// https://open.feishu.cn/document/server-docs/im-v1/message/create
// https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
const (
	codeChatLimit = 230020
	codeRateLimit = 99991400

	chatCalls   = 5
	patchCalls  = 5
	cardCalls   = 10
	appCalls    = 50   // of each API
	minuteCalls = 1000 // of each API, in a minute
)

// EnforceLimits makes the fake refuse what is too much: 5 messages a second in a
// chat, 10 changes of a card, 5 of one by its message, and of each API 50 calls a
// second and 1,000 a minute. Giving out tokens and connections has no limit here.
func (s *Server) EnforceLimits() {
	s.base.Update(func() { s.recent = map[string][]time.Time{} })
}

// Refused returns how many calls were too much.
func (s *Server) Refused() int {
	s.base.Lock()
	defer s.base.Unlock()
	return s.refused
}

// tooMuch reports whether a call for what goes beyond a limit; if not, it counts.
func (s *Server) tooMuch(what string, limit int) bool {
	return s.tooMuchIn(time.Second, what, limit) > 0
}

// tooMuchIn is tooMuch for a limit of any time. It returns for how long the call
// comes too early, 0 when it does not.
func (s *Server) tooMuchIn(span time.Duration, what string, limit int) time.Duration {
	if s.recent == nil {
		return 0
	}
	now := s.now()
	recent := slices.DeleteFunc(s.recent[what], func(at time.Time) bool { return now.Sub(at) >= span })
	if len(recent) >= limit {
		s.recent[what] = recent
		s.refused++
		return span - now.Sub(recent[0])
	}
	s.recent[what] = append(recent, now)
	return 0
}

// apiLimit is how a call goes wrong that is too much for its API, nothing when it is
// not.
func (s *Server) apiLimit(r Route) (f Fault, over bool) {
	if r == Token || r == Endpoint {
		return Fault{}, false
	}
	wait := max(s.tooMuchIn(time.Second, string(r), appCalls), s.tooMuchIn(time.Minute, string(r)+" in a minute", minuteCalls))
	if wait == 0 {
		return Fault{}, false
	}
	return TooManyRequests(int(math.Ceil(wait.Seconds()))), true
}

func limitReached(code int) (int, answer) {
	return http.StatusBadRequest, answer{Code: code, Msg: "request trigger frequency limit"}
}
