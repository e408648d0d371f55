package socket

import (
	"slices"
	"sync"
	"time"

	"github.com/parley-bot/parley/platforms"
)

const (
	// neighbourly is how long what was said earlier in a chat may be under way on
	// another connection that takes longer than that to answer a ping.
	neighbourly = 50 * time.Millisecond
	// patient is how long it is waited for where the other connection answers
	// sooner as a rule, or where it is plain that more comes. Platforms want their
	// acknowledgement within three seconds.
	patient = 1500 * time.Millisecond
	// quiet is after how long without a message a fresh connection has nothing more
	// of what had waited for it.
	quiet = 100 * time.Millisecond
	// again is when it is looked again, where nothing else gives occasion.
	again = 20 * time.Millisecond
	// maxHeld is how much of a lane waits; with more, the oldest waits no longer.
	maxHeld = 256
)

// inOrder hands on what comes in, in each chat in the order it was said: of two
// connections the one may be faster than the other. wait says for how long what
// came in first has to wait, unless it is poked before.
func inOrder(jobs <-chan job, poke <-chan struct{}, wait func(job) time.Duration, do func(job)) {
	l := line{jobs: jobs}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.jobs != nil || len(l.held) > 0 {
		select {
		case j, ok := <-l.jobs:
			l.take(j, ok)
		case <-poke:
		case <-timer.C:
		}
		for len(l.held) > 0 && (l.jobs == nil || len(l.held) > maxHeld || wait(l.held[0]) <= 0) {
			l.takeAll()
			do(l.next())
		}
		if len(l.held) > 0 {
			timer.Reset(wait(l.held[0]))
		}
	}
}

// line is what waits, as it came in.
type line struct {
	jobs <-chan job // nil: nothing more comes
	held []job
}

func (l *line) take(j job, ok bool) {
	if !ok {
		l.jobs = nil
		return
	}
	l.held = append(l.held, j)
}

// takeAll takes what has been read already: it may be what was waited for.
func (l *line) takeAll() {
	for l.jobs != nil && len(l.held) <= maxHeld {
		select {
		case j, ok := <-l.jobs:
			l.take(j, ok)
		default:
			return
		}
	}
}

// next removes what was said first in the chat of what came in first.
func (l *line) next() job {
	i := earliest(l.held)
	j := l.held[i]
	l.held = slices.Delete(l.held, i, i+1)
	return j
}

// progress is how far a connection has been read.
type progress struct {
	said   time.Time // of the last message, by the platform's clock
	at     time.Time // when that came
	passes bool      // it is being handed on
	since  time.Time // when it was opened, or began to be ended

	coming int             // messages that were read and are neither stored nor acknowledged
	idle   []chan struct{} // are closed when there is none

	// What was sent before a ping was answered has been read when the answer has.
	asked, answered int           // the numbers of the last ping and the last answer
	askedAt         time.Time     // when the last ping was sent
	silent          time.Time     // since when a ping has no answer; zero: all have
	fastest         time.Duration // answer of all; 0: none yet
}

// mark is up to where another connection has to be read: to the answer of a ping
// that is sent after a message came.
type mark struct {
	conn *Conn
	ping int
}

// order knows how far the connections of a link have been read.
type order struct {
	pokes [lanes]chan struct{} // what waits in a lane may go on

	mu     sync.Mutex
	conns  map[*Conn]bool // those that deliver
	broken int            // connections that broke and are not replaced
	broke  time.Time      // when the last of them did
	coming int            // messages that were read and are not stored
	left   time.Time      // when any connection was last at its end
}

func newOrder() *order {
	o := &order{conns: map[*Conn]bool{}}
	for i := range o.pokes {
		o.pokes[i] = make(chan struct{}, 1)
	}
	return o
}

// changed makes every lane look again at what waits in it.
func (o *order) changed() {
	for _, poke := range o.pokes {
		select {
		case poke <- struct{}{}:
		default:
		}
	}
}

// opened notes that a connection delivers.
func (o *order) opened(c *Conn) {
	defer o.changed()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conns[c] = true
	c.at = time.Now() // what waited for it comes first
	c.since = c.at
	c.wantPing()
	o.broken = max(0, o.broken-1)
}

// leaving notes that a connection is read to its end.
func (o *order) leaving(c *Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c.since = time.Now()
}

// ended notes that a connection is not read any more. What a broken one has not
// brought comes again over the next, and over any what the platform gave to one
// that it had asked us to end.
func (o *order) ended(c *Conn, broke bool) {
	defer o.changed()
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.conns, c)
	if o.left = time.Now(); broke {
		o.broken++
		o.broke = o.left
	}
}

// reads notes a message that begins to be handed on, and returns up to where the
// other connections are to be read first; read notes that it was handed on.
func (o *order) reads(c *Conn, said time.Time) []mark {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.coming++
	c.coming++
	c.said, c.at, c.passes = said, time.Now(), true
	var marks []mark
	for other := range o.conns {
		if other != c {
			marks = append(marks, mark{other, other.asked + 1})
			other.wantPing()
		}
	}
	return marks
}

func (o *order) read(c *Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c.passes = false
}

// stored notes that a message of a connection has left its lane.
func (o *order) stored(c *Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.coming--
	if c.coming--; c.coming == 0 {
		for _, idle := range c.idle {
			close(idle)
		}
		c.idle = nil
	}
}

// idle returns a channel that is closed once nothing that a connection has brought
// waits to be stored.
func (o *order) idle(c *Conn) <-chan struct{} {
	idle := make(chan struct{})
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.coming == 0 {
		close(idle)
	} else {
		c.idle = append(c.idle, idle)
	}
	return idle
}

// settled reports whether all that had waited for the connections is stored.
func (o *order) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.conns {
		if !c.drained() {
			return false
		}
	}
	return o.coming == 0
}

// asks notes that a connection is asked, and returns the number of the ping.
func (o *order) asks(c *Conn) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	c.asked++
	c.askedAt = time.Now()
	if c.silent.IsZero() {
		c.silent = c.askedAt
	}
	return c.asked
}

// answered notes that a ping was answered.
func (o *order) answered(c *Conn, ping int) {
	defer o.changed()
	o.mu.Lock()
	defer o.mu.Unlock()
	c.answered = max(c.answered, ping)
	c.silent = time.Now()
	if ping == c.asked {
		c.silent = time.Time{}
		if took := max(1, time.Since(c.askedAt)); c.fastest == 0 || took < c.fastest {
			c.fastest = took
		}
	}
}

// wait returns for how much longer a job waits for what was said before it.
func (o *order) wait(j job) time.Duration {
	waited := time.Since(j.frame.In.Arrived)
	if waited >= patient {
		return 0
	}
	return min(again, o.worth(j)-waited)
}

// worth returns how long a job is to wait in all, as it looks now.
func (o *order) worth(j job) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, said := time.Now(), saidAt(j.frame.In)
	if o.broken > 0 && now.Sub(o.broke) < patient {
		return patient
	}
	wait := max(0, o.left.Sub(j.frame.In.Arrived)+quiet)
	for c := range o.conns {
		if c != j.conn {
			wait = max(wait, c.worth(j.after, said, now))
		}
	}
	return wait
}

// worth returns how long a connection is worth waiting for.
func (c *Conn) worth(after []mark, said, now time.Time) time.Duration {
	ping := 1 // of one that was opened later
	for _, m := range after {
		if m.conn == c {
			ping = m.ping
		}
	}
	fresh := now.Sub(c.since) < settled
	if busy := c.passes || fresh && now.Sub(c.at) < quiet; busy && c.said.Before(said) {
		return patient
	}
	switch {
	case c.answered >= ping:
		return 0
	case now.Sub(c.since) < patient, c.prompt() && now.Sub(c.silent) < patient:
		return patient
	}
	return neighbourly
}

// drained reports whether what had waited for a connection has come: it is known to
// have been read, or nothing has come for as long as an answer is waited for.
func (c *Conn) drained() bool {
	since := time.Since(c.at)
	return since >= quiet && c.answered > 0 || since >= patient
}

// prompt reports whether a connection answers pings at once, as a rule.
func (c *Conn) prompt() bool { return c.fastest > 0 && c.fastest < neighbourly }

// earliest returns what was said first in the chat of held[0].
func earliest(held []job) int {
	first := 0
	for i := range held[1:] {
		if held[i+1].before(held[first]) {
			first = i + 1
		}
	}
	return first
}

// before reports whether a job was said in the same chat before another.
func (j job) before(other job) bool {
	at, than := saidAt(j.frame.In), saidAt(other.frame.In)
	return !at.IsZero() && at.Before(than) && chatOf(j.frame.In) == chatOf(other.frame.In)
}

// saidAt is the platform's time of what came in; zero where it has none.
func saidAt(in *platforms.Inbound) time.Time {
	if len(in.Events) == 0 {
		return time.Time{}
	}
	return in.Events[0].SentAt
}

// chatOf is where it was said.
func chatOf(in *platforms.Inbound) string {
	if len(in.Events) == 0 {
		return ""
	}
	return in.Events[0].ChatID
}
