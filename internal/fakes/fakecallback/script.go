package fakecallback

import "net/http"

// Step is what the server does with one callback.
type Step struct {
	Take   bool        // keep the reply before anything else happens
	Status int         // the answer, when the step neither hangs nor cuts
	Header http.Header // of the answer
	Hang   bool        // answer nothing until the caller leaves
	Cut    bool        // close the connection without an answer
	Stall  bool        // with Hang or Cut: only after the status and half of a body
}

// Answer is a step that answers with status; below 300 the reply is taken.
// header is alternating names and values.
func Answer(status int, header ...string) Step {
	s := Step{Status: status, Take: status < http.StatusMultipleChoices, Header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		s.Header.Set(header[i], header[i+1])
	}
	return s
}

// Busy is a step that refuses for now, with a Retry-After.
func Busy(status int, retryAfter string) Step { return Answer(status, "Retry-After", retryAfter) }

// Hang is a step that never answers; the reply is not taken.
func Hang() Step { return Step{Hang: true} }

// Cut is a step that closes the connection; the reply is not taken.
func Cut() Step { return Step{Cut: true} }

// TakeThenHang is a step that takes the reply but never says so.
func TakeThenHang() Step { return Step{Take: true, Hang: true} }

// TakeThenCut is a step that takes the reply and closes the connection.
func TakeThenCut() Step { return Step{Take: true, Cut: true} }
