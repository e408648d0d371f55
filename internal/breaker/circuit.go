package breaker

import (
	"slices"
	"time"
)

// maxOpen is the longest that a circuit stays open before the next trial.
const maxOpen = time.Minute

// circuit is the state machine. It is not safe for concurrent use.
type circuit struct {
	limit uint          // faults in a row that open it
	first time.Duration // it stays open for so long at first

	state  State
	faults uint          // in a row, while closed
	met    []string      // by whom, as far as that is known
	open   time.Duration // how long it stays open this time
	since  time.Time     // when it opened
	busy   bool          // half open: the trial is on its way
}

// left returns for how long nobody may call.
func (c *circuit) left(now time.Time) time.Duration {
	switch {
	case c.state == Open:
		return c.open - now.Sub(c.since)
	case c.state == HalfOpen && c.busy:
		return c.first / 2
	}
	return 0
}

// enter begins a call that may be made now, and reports whether it is the one
// that decides.
func (c *circuit) enter() (trial bool) {
	if c.state == Closed {
		return false
	}
	c.state, c.busy = HalfOpen, true
	return true
}

// good notes an answer, whoever got it: the endpoint is there.
func (c *circuit) good() { *c = circuit{limit: c.limit, first: c.first, state: Closed} }

// bad notes a fault that who has met. Of calls that began before the circuit
// opened it says nothing new.
func (c *circuit) bad(trial bool, who string, now time.Time) {
	switch {
	case trial:
		c.state, c.busy, c.since, c.open = Open, false, now, min(2*c.open, maxOpen)
	case c.state == Closed && who != "" && slices.Contains(c.met, who):
	case c.state == Closed:
		c.faults++
		c.met = append(c.met, who)
		if c.faults >= c.limit {
			c.state, c.since, c.open = Open, now, c.first
		}
	}
}
