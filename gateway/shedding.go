package gateway

import (
	"sync/atomic"
	"time"
)

const (
	// crowd is how many webhooks wait to be stored at the same moment when new
	// turns stand back. What comes one after the other, however fast, is none.
	crowd = 16
	// crowdGone is how long fewer must have waited for the crowd to be over.
	crowdGone = 20 * time.Millisecond
	// patience is how long turns may be put off: less than anybody expects a
	// model to take. What was used up comes back, a second in ten.
	patience       = 2 * time.Second
	patienceReturn = 10
)

// shedder sheds load: it puts off turns while webhooks come in faster than they
// are stored. A platform waits for its answer for three seconds, repeats what
// was not answered and turns off who is too slow, while a person waits for the
// model anyway. So the first seconds of a burst belong to the webhooks. If it
// goes on, turns run beside it: what is accepted has to be answered too.
type shedder struct {
	arriving atomic.Int64              // webhooks that wait to be stored
	crowded  atomic.Pointer[time.Time] // when there was a crowd last; nil: never

	// These belong to the dispatcher.
	left     time.Duration // for how long turns may still be put off
	at       time.Time     // when left was brought up to date
	shedding bool          // since then
}

// arrive is called when a webhook begins to wait, and leave when it ends.
func (s *shedder) arrive() {
	if s.arriving.Add(1) >= crowd {
		now := time.Now()
		s.crowded.Store(&now)
	}
}

func (s *shedder) leave() { s.arriving.Add(-1) }

// burst reports whether there is a crowd, or was just now.
func (s *shedder) burst() bool {
	at := s.crowded.Load()
	return s.arriving.Load() >= crowd || at != nil && time.Since(*at) < crowdGone
}

// shed reports whether turns are put off from now to the next call.
func (s *shedder) shed() bool {
	now := time.Now()
	passed := now.Sub(s.at)
	if s.shedding {
		s.left -= passed
	} else {
		s.left = min(patience, s.left+passed/patienceReturn)
	}
	s.at = now
	// Once used up it takes a while to begin anew, or turns would stutter.
	s.shedding = s.burst() && (s.shedding && s.left > 0 || s.left >= patience/2)
	return s.shedding
}

// giveWay waits as long as a burst of webhooks may put off turns, and reports
// false when there will be no more turns.
func (g *Gateway) giveWay() bool {
	for g.shedder.shed() {
		select {
		case <-g.quit:
			return false
		case <-time.After(crowdGone / 4):
		}
	}
	return true
}
