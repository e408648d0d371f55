package platforms

import (
	"context"
	"errors"
	"fmt"
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
	// Late, where it is set, returns the answer instead, once the events are stored,
	// for a platform that shows what became of them. settled ends when the first
	// event is at its end or a model begins to answer it.
	Late func(settled context.Context) Answer
	// Warnings name what means nothing in the webhook, for the program that sent it.
	Warnings []string

	// What a [Source] delivers also says:
	Arrived time.Time
	Size    int64 // bytes that it came in as
	Fault   error // why it was not understood, and is to be counted only; nil: it was
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
	// Opened says that the part was begun with Streamer.Open: [Sender.Find] then
	// also looks for a message that grows and cannot carry the key yet.
	Opened bool
	// Rivals comes with Opened.
	Rivals Rivals
	// Verbs are the buttons to show under the part, as far as the platform has
	// them. One that grows has a stop button anyway.
	Verbs []Verb
	// Failed is the code of the error that the events are dead of, and Text then
	// the sentence that says so; "" = the part is of a reply.
	Failed string
}

// Rivals are the other replies, for a platform that looks for a message which
// carries no key yet.
type Rivals interface {
	// Hold reports whether a message in the chat is known to be another reply's.
	Hold(ctx context.Context, messageID string) (bool, error)
	// Absent fails where another reply may have opened a message in the same place
	// too: with failure.Retry while that may still become known.
	Absent(ctx context.Context) error
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

// Checker is a platform that can be asked about the app behind its credentials.
type Checker interface {
	// Check asks the platform who the bot is, which the adapter remembers, and
	// what is wrong with the app. It shows nothing to anybody.
	Check(ctx context.Context) Checkup
}

// Checkup is what a platform says about an app.
type Checkup struct {
	Bot    string   // who the bot is, for people: "parley in Acme"; "" where that is not known
	Tenant string   // the bot's own, as in [Event]; "" where that is not known
	Faults []Advice // what keeps it from working
	Doubts []Advice // what works less well than it could
}

// Advice is one thing that an admin can put right.
type Advice struct {
	Problem string // one line
	Remedy  string // what to do about it
	Err     error  // the cause, for the log; nil where there is none
}

// Err returns what keeps the app from working, nil when it works.
func (c Checkup) Err() error {
	var all []error
	for _, f := range c.Faults {
		all = append(all, fmt.Errorf("%s; %s", f.Problem, f.Remedy))
	}
	return errors.Join(all...)
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

// Whisperer is a [Sender] that can say something to one person alone.
type Whisperer interface {
	Sender
	// Whispers reports whether what is Private at that address is seen by who
	// asked and nobody else. It makes no call.
	Whispers(to Address) bool
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
