package fakefeishu

import (
	"net/http"
	"strconv"
)

// Route is one of the calls that the fake takes.
type Route string

// The routes.
const (
	Token   Route = "tenant_access_token"
	BotInfo Route = "bot_info"
	Create  Route = "create"
	Reply   Route = "reply"
	Patch   Route = "patch"
	Delete  Route = "delete"
	Whisper Route = "whisper"
)

// Fault is what happens to one request instead of an ordinary answer.
type Fault struct {
	take   bool // the request has its effect all the same
	expire bool // every token becomes invalid first
	end    ending
	status int
	header http.Header
	body   answer
	html   bool // the answer is a proxy's and no JSON
}

type ending uint8

const (
	say  ending = iota // answer with status and body
	hang               // say nothing until the client has gone or the fake closes
	cut                // close the connection without a word
)

// Misbehave queues faults for a route: one request each, in order; after them
// the route is good again.
func (s *Server) Misbehave(r Route, faults ...Fault) {
	s.base.Update(func() { s.faults[r] = append(s.faults[r], faults...) })
}

// Unused returns how many faults no request has met yet.
func (s *Server) Unused() (n int) {
	s.base.Lock()
	defer s.base.Unlock()
	for _, queue := range s.faults {
		n += len(queue)
	}
	return n
}

// TooManyRequests is HTTP 429 with the seconds to wait in x-ogw-ratelimit-reset.
func TooManyRequests(reset int) Fault { return limited(http.StatusTooManyRequests, reset) }

// RateLimited is the other form of the same: HTTP 400, code 99991400.
func RateLimited(reset int) Fault { return limited(http.StatusBadRequest, reset) }

func limited(status, reset int) Fault {
	f := Code(status, 99991400, "request trigger frequency limit")
	f.header = http.Header{"X-Ogw-Ratelimit-Limit": {"100"}, "X-Ogw-Ratelimit-Reset": {strconv.Itoa(reset)}}
	return f
}

// Code is a refusal with one of Feishu's codes.
func Code(status, code int, msg string) Fault {
	return Fault{status: status, body: answer{Code: code, Msg: msg}}
}

// ServerError is an HTTP 500 with Feishu's code for an internal error.
func ServerError() Fault { return Code(http.StatusInternalServerError, 2200, "internal error") }

// Redirect sends the request elsewhere, as a proxy does.
func Redirect(address string) Fault {
	return Fault{status: http.StatusFound, html: true, header: http.Header{"Location": {address}}}
}

// BadGateway is an HTTP status with a page of HTML, as a proxy sends it.
func BadGateway(status int) Fault { return Fault{status: status, html: true} }

// TakeThenServerError has its effect and then answers HTTP 500.
func TakeThenServerError() Fault {
	f := ServerError()
	f.take = true
	return f
}

// Taken is the fault with the message shown all the same.
func (f Fault) Taken() Fault {
	f.take = true
	return f
}

// Hang takes nothing and never answers.
func Hang() Fault { return Fault{end: hang} }

// TakeThenHang has its effect and never answers.
func TakeThenHang() Fault { return Fault{take: true, end: hang} }

// Cut takes nothing and closes the connection.
func Cut() Fault { return Fault{end: cut} }

// TakeThenCut has its effect and closes the connection.
func TakeThenCut() Fault { return Fault{take: true, end: cut} }

// ExpireToken makes every token invalid and refuses the request for it.
func ExpireToken() Fault {
	f := Code(http.StatusBadRequest, codeTokenInvalid, "Invalid access token for authorization")
	f.expire = true
	return f
}
