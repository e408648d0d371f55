package fakeopenai

import (
	"net/http"
	"time"
)

// Step is the behaviour of one call. The zero value is a proper answer; fields
// combine.
type Step struct {
	// Gate holds the call before any byte of the answer, until it is closed or
	// sends a value.
	Gate <-chan struct{}
	// Think is how long a call waits for the first byte of its answer.
	Think time.Duration
	// FirstToken holds a stream after its headers and first, empty chunk.
	FirstToken <-chan struct{}
	// Hang never answers: the call ends when the client leaves or the server closes.
	Hang bool

	// Status, when not 0, is answered with Header and, as body, Body.
	Status int
	Header http.Header
	Body   string
	// Raw, when not "", is the body of a 200, instead of the protocol.
	Raw string

	Text         *string // instead of the server's reply function
	Pieces       []string
	Slow         <-chan struct{} // each piece waits for a value of it
	Pause        time.Duration   // before each piece
	FinishReason string          // "" = stop
	CutAfter     int             // the connection breaks after so many pieces of text; 0 = whole
	NoFinish     bool            // the stream ends without a finish reason
	NoUsage      bool            // no usage is reported
	NoDone       bool            // a stream stays open after its last chunk, without [DONE]
	Drop         bool            // the connection is closed without a byte of an answer
	Spoil        *Spoil          // a stream goes wrong
}

// Spoil makes a stream go wrong after some of its text.
type Spoil struct {
	After  int           // pieces of text that come first; more than there are: all of them
	Finish bool          // the finish reason comes before it goes wrong
	Pause  time.Duration // before it goes wrong
	Write  string        // written as it is, instead of the rest
	Stall  bool          // then the stream stays open and says nothing more; else it ends
}

// InStream is an error in the API's form inside a stream that has begun.
func InStream(status int, code string) string {
	return "data: " + errorBody(status, code, http.StatusText(status)+" (scripted)") + "\n\n"
}

// RateLimited is a 429 with this Retry-After; "" leaves the header out.
func RateLimited(retryAfter string) Step {
	step := Fail(http.StatusTooManyRequests, "rate_limit_exceeded")
	if retryAfter != "" {
		step.Header = http.Header{"Retry-After": {retryAfter}}
	}
	return step
}

// Fail is an error answer in the API's form. code "" is null, as for many
// faults of the server.
func Fail(status int, code string) Step {
	return Step{Status: status, Body: errorBody(status, code, http.StatusText(status)+" (scripted)")}
}

// Say answers this text.
func Say(text string) Step { return Step{Text: &text} }

// Cut breaks the connection after n pieces of the answer (words, in a stream).
func Cut(n int) Step { return Step{CutAfter: n} }

// Hang never answers.
func Hang() Step { return Step{Hang: true} }

// Empty answers with no text at all.
func Empty() Step { return Say("") }

// Garbage is a 200 that is not the protocol.
func Garbage() Step { return Step{Raw: "<html><body>Service portal</body></html>\n"} }
