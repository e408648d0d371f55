package web

import (
	"container/list"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/failure"
)

// unhurried is how long a body that is not known to be genuine may hold its
// memory while others need it.
const unhurried = time.Second

var errCrowded = failure.New(failure.Unavailable, intake.CodeTooBusy, "too many unverified requests; retry later", nil)

// shed reports whether err turned a request away for want of room. Of those
// there are many at once, and one line a minute tells of them.
func shed(err error) bool { return failure.CodeOf(err) == intake.CodeTooBusy }

// unverified bounds the memory of all bodies that come in and are not known to
// be genuine: what the backlog is for those that are. Memory is taken as a body
// grows, not as it claims to be. When there is none, a body that has been
// coming in for longer than [unhurried] gives its own, the longest first, so
// that slow senders do not shut out the others; else who asks is refused.
type unverified struct {
	limit int64 // bytes

	mu      sync.Mutex
	used    int64
	longest list.List // of *incoming
}

// incoming is one such body. Its methods are for the one goroutine that reads it.
type incoming struct {
	pool  *unverified
	since time.Time
	yield func() // makes its reader fail, from any goroutine

	// Guarded by pool.mu.
	held    int64
	yielded bool
	place   *list.Element
}

// begin registers a body that comes in from now on.
func (u *unverified) begin(yield func()) *incoming {
	in := &incoming{pool: u, since: time.Now(), yield: yield}
	u.mu.Lock()
	defer u.mu.Unlock()
	in.place = u.longest.PushBack(in)
	return in
}

// hold takes n bytes more, or gives some back. The error is of kind
// failure.Unavailable.
func (in *incoming) hold(n int64) error {
	u := in.pool
	u.mu.Lock()
	defer u.mu.Unlock()
	if in.yielded {
		return errCrowded
	}
	for u.used+n > u.limit {
		if !u.makeRoom(in) {
			return errCrowded
		}
	}
	u.used += n
	in.held += n
	return nil
}

// makeRoom takes what the slowest body holds, unless it is in's own or young.
func (u *unverified) makeRoom(in *incoming) bool {
	first := u.longest.Front()
	if first == nil {
		return false
	}
	slowest, _ := first.Value.(*incoming)
	if slowest == in || time.Since(slowest.since) < unhurried {
		return false
	}
	slowest.release()
	slowest.yielded = true
	slowest.yield()
	return true
}

// keep lets the body keep its memory until its end: it has come in, or its
// sender is known. The error says that another body has got that.
func (in *incoming) keep() error {
	in.pool.mu.Lock()
	defer in.pool.mu.Unlock()
	if in.yielded {
		return errCrowded
	}
	in.pool.longest.Remove(in.place)
	return nil
}

// end gives everything back: the body is verified, or dropped.
func (in *incoming) end() {
	in.pool.mu.Lock()
	defer in.pool.mu.Unlock()
	in.release()
}

func (in *incoming) release() {
	in.pool.used -= in.held
	in.held = 0
	in.pool.longest.Remove(in.place) // again: no effect
}
