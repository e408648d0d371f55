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
	// patience is how long a burst may put off turns: less than anybody expects
	// a model to take. What was used up comes back, a second in ten.
	patience       = 2 * time.Second
	patienceReturn = 10
)

// burst notices when webhooks come in faster than they are stored. A platform
// waits for its answer for three seconds, repeats what was not answered and
// turns off who is too slow, while a person waits for the model anyway. So the
// first seconds of a burst belong to the webhooks. If it goes on, turns run
// beside it: what is accepted has to be answered too.
type burst struct {
	arriving atomic.Int64              // webhooks that wait to be stored
	crowded  atomic.Pointer[time.Time] // when there was a crowd last; nil: never
}

// arrive is called when a webhook begins to wait, and leave when it ends.
func (b *burst) arrive() {
	if b.arriving.Add(1) >= crowd {
		now := time.Now()
		b.crowded.Store(&now)
	}
}

func (b *burst) leave() { b.arriving.Add(-1) }

// goesOn reports whether there is a crowd, or was just now.
func (b *burst) goesOn() bool {
	at := b.crowded.Load()
	return b.arriving.Load() >= crowd || at != nil && time.Since(*at) < crowdGone
}

// restraint is how long a burst may still put off turns. It belongs to one goroutine.
type restraint struct {
	left    time.Duration
	at      time.Time // when left was brought up to date
	putsOff bool      // since then
}

func newRestraint(now time.Time) restraint { return restraint{left: patience, at: now} }

// putOff reports whether turns are put off from now to the next call.
func (r *restraint) putOff(goesOn bool, now time.Time) bool {
	passed := now.Sub(r.at)
	if r.putsOff {
		r.left -= passed
	} else {
		r.left = min(patience, r.left+passed/patienceReturn)
	}
	r.at = now
	// Once used up it takes a while to begin anew, or turns would stutter.
	r.putsOff = goesOn && (r.putsOff && r.left > 0 || r.left >= patience/2)
	return r.putsOff
}
