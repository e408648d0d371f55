package platforms

import (
	"context"
	"net/http"
	"time"
)

// Request is one webhook as it came in, its body read once and bounded.
type Request struct {
	Header http.Header
	Body   []byte
	Source string    // the generic platform: the source's name from the path
	Now    time.Time // the moment of arrival
	// Admitted says that a bearer token which opens this source came with the
	// request, so that it needs no signature. Only the generic platform knows tokens.
	Admitted bool
}

// HowToProve tells a program whose request proves nothing how it can.
const HowToProve = "sign the request with webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks), " +
	"or send Authorization: Bearer with the token of the source or the admin token"

// Answer is what a platform must get in the HTTP response.
type Answer struct {
	Status      int // 0 = 200
	ContentType string
	Body        []byte
}

// Inbound is what one webhook holds.
type Inbound struct {
	Events []Event // to be stored before the answer is given; usually one, none for a challenge
	Answer Answer  // the zero value is an empty 200
}

// Part is one message or file of a reply, small enough for the platform.
type Part struct {
	// Key is the same for every attempt to show this part and different for
	// every other part; at most 40 ASCII characters.
	Key  string
	Text string
	// File is "" for a message. Else the part is a file of this name with Text
	// as its content; only a [FileSender] gets one.
	File string
	// EventIDs are the platform's ids of the events that the reply answers.
	EventIDs []string
}

// Finding is what a look at the platform says of a send whose outcome is unknown.
type Finding uint8

const (
	// Unknowable means that nobody can tell whether the part is shown.
	Unknowable Finding = iota
	// Shown means that the part is there.
	Shown
	// Missing means that the part is not there, or repeating it has no second effect; send it.
	Missing
)

// Receiver verifies and reads a platform's webhooks.
type Receiver interface {
	// Receive checks that r is genuine and fresh, and only then reads it.
	// Errors are of kind failure.Unauthorized, Invalid or Unavailable.
	Receive(ctx context.Context, r Request) (Inbound, error)
}

// Prechecker is a [Receiver] that can tell from the headers alone that a request
// is not genuine, so that its body need not be read.
type Prechecker interface {
	Receiver
	// Precheck fails where Receive would refuse a request with these headers
	// whatever its body is. Otherwise it returns how many bytes the body of a
	// genuine one has at most; 0: as many as are allowed. Its error is of kind
	// failure.Unauthorized.
	Precheck(h http.Header, now time.Time) (most int64, err error)
}

// Sender shows replies on a platform.
type Sender interface {
	// Split cuts a reply into texts that each fit one message of the
	// platform. Put together they hold every character of the reply, in order.
	Split(reply string) []string
	// Send shows one part and returns the platform's id of the message.
	// Errors are of kind failure.Retry (not shown), Permanent (not shown and
	// never will be) or Ambiguous (may be shown).
	Send(ctx context.Context, to Address, p Part) (messageID string, err error)
	// Find tells whether a part whose send was begun at since, and whose
	// outcome is unknown, is shown. An error means: ask again later.
	Find(ctx context.Context, to Address, p Part, since time.Time) (f Finding, messageID string, err error)
}

// FileSender is a [Sender] that also shows files.
type FileSender interface {
	Sender
	// TakesFile reports whether a file can be shown at that address to those
	// who are to see it, and to nobody else.
	TakesFile(to Address) bool
}

// SilentSender is a [Sender] that may have nowhere to send to.
type SilentSender interface {
	Sender
	// Silent reports whether who asks reads the reply from us. Then nothing is
	// split, sent or looked for.
	Silent() bool
}

// Adapter is a whole platform.
type Adapter interface {
	Receiver
	Sender
}
