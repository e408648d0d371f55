// Package platformtest is the contract of [platforms.Adapter] as a test that
// every adapter runs. A platform's own rules (what is ignored, how a mention is
// stripped) are tested with the adapter.
package platformtest

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// Message is what a person writes to the bot, as far as the contract cares.
type Message struct {
	EventID   string
	MessageID string // the platform's id of the message; not every platform has one
	Text      string
}

// Harness is an adapter with the means to talk to it as its platform does.
type Harness struct {
	Adapter  platforms.Adapter
	Platform string // of every event

	// Now is the moment of arrival that requests are tested with. Senders have
	// their own clock.
	Now time.Time
	// MaxAge and MaxAhead are how far a signature's time may lie in the past
	// and in the future; to the second both are still good.
	MaxAge, MaxAhead time.Duration
	// Request returns the header and body of a genuine webhook of m signed at at.
	Request func(t *testing.T, at time.Time, m Message) platforms.Request
	// Sign returns a genuinely signed webhook with another body, encrypted
	// first where the platform does that.
	Sign func(t *testing.T, at time.Time, body []byte) platforms.Request
	// Naming is the body of a genuine webhook whose text names Named, nil where
	// texts name nobody.
	Naming []byte
	Named  platforms.Mention
	// Proof names the headers that are all required and in which every
	// character matters.
	Proof []string

	// Limit and Size are what one message may measure; 0 = replies stay whole.
	Limit int
	Size  func(string) int

	// Address is where parts are sent.
	Address platforms.Address
	// Shown returns the texts that people see there, in order.
	Shown func() []string
	// Grows says that replies grow there.
	Grows bool
	// Press returns a genuine webhook of a press of a button under a reply; nil
	// where there are none.
	Press func(t *testing.T, at time.Time, verb platforms.Verb) platforms.Request
	// Faults are the ways in which a send can fail.
	Faults []Fault
}

// Fault is one way in which a send fails.
type Fault struct {
	Name    string
	Arrange func()        // makes the next send fail
	Timeout time.Duration // for the send; 0 = the adapter's own
	Kind    failure.Kind  // of the error
	Wait    time.Duration // that the error asks for
}

// Test runs the whole contract.
func Test(t *testing.T, h Harness) {
	t.Run("genuine", h.testGenuine)
	t.Run("mention", h.testMention)
	t.Run("address", h.testAddress)
	t.Run("same message", h.testSameMessage)
	t.Run("altered", h.testAltered)
	t.Run("unsigned", h.testUnsigned)
	t.Run("stale", h.testStale)
	t.Run("garbage", h.testGarbage)
	t.Run("damaged", h.testDamaged)
	t.Run("split", h.testSplit)
	t.Run("send and find", h.testSendAndFind)
	if h.Grows {
		t.Run("stream", h.testStream)
	}
	if h.Press != nil {
		t.Run("press", h.testPress)
	}
	if p, ok := h.Adapter.(platforms.Paced); ok {
		t.Run("limits", func(t *testing.T) { h.testLimits(t, p) })
	}
	for _, f := range h.Faults {
		t.Run("fault/"+f.Name, func(t *testing.T) { h.testFault(t, f) })
	}
}
