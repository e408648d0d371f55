package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// A platform takes so many messages a second, of a chat or of an app, and says
// how many. So what is to be sent stands in line: each reply has its place, the
// time from which on it may be sent, and meanwhile holds neither a worker nor a
// lease. The lines are this process's own; between replicas the platform decides,
// and what it asks to wait moves the whole line.

const (
	// forgetAfter is how long a place that nobody takes is kept, and a line that
	// nobody stands in.
	forgetAfter = time.Minute
	// unnamed is the wait of a limit whose platform does not say how long.
	unnamed = time.Second
)

// scope is a platform and what on it a limit holds for.
type scope struct{ platform, name string }

// line is where those wait whom one limit holds for.
type line struct {
	every time.Duration
	ahead time.Duration // by which calls may be early, as far as the platform takes bursts
	next  time.Time     // the place that is to be given out, for a line without bursts
	used  time.Time     // the same, of what was really sent
	moved time.Duration // by which everybody in line was put off so far
	until time.Time     // the platform has asked for nothing before that
}

// spot is a place in one line.
type spot struct {
	line *line
	at   time.Time
	then time.Duration // how far the line had moved
}

func (s spot) time() time.Time { return s.at.Add(s.line.moved - s.then) }

// place is where a delivery stands: a spot in each line that its limits make.
type place struct {
	since time.Time
	spots []spot
}

type pacer struct {
	now func() time.Time

	mu     sync.Mutex
	lines  map[scope]*line
	places map[int64]*place // by delivery
	swept  time.Time
}

func newPacer(now func() time.Time) *pacer {
	return &pacer{now: now, lines: map[scope]*line{}, places: map[int64]*place{}}
}

// wait gives a delivery its place, if it has none, and returns how long it is to
// wait there.
func (p *pacer) wait(platform string, id int64, limits []platforms.Limit) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	return p.stand(platform, id, limits, now).time(now).Sub(now)
}

// enter is wait, and where there is nothing to wait for the place is taken: the
// call is to be made now. stood is how long the delivery has been in line.
func (p *pacer) enter(platform string, id int64, limits []platforms.Limit) (wait, stood time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	at := p.stand(platform, id, limits, now)
	if wait := at.time(now).Sub(now); wait > 0 {
		return wait, 0
	}
	delete(p.places, id)
	for _, s := range at.spots {
		s.line.used = later(s.line.used, now).Add(s.line.every)
	}
	return 0, now.Sub(at.since)
}

// putOff moves the line of a scope, whose limit the platform has found exceeded,
// and gives the delivery that met it the place at its head. It returns how long
// the delivery is to wait there.
func (p *pacer) putOff(platform string, id int64, name string, wait time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	l := p.line(platform, platforms.Limit{Scope: name})
	l.hold(now, wait)
	// Several may meet the limit at once: one goes after the other.
	head := l.until
	l.until = head.Add(l.every)
	l.move(l.every)
	p.places[id] = &place{since: now, spots: []spot{{l, head, l.moved}}}
	return head.Sub(now)
}

// try takes a place for a call that may as well not be made: it is true where
// nobody stands in line, and half of what may come at once is left to others.
func (p *pacer) try(platform string, limits []platforms.Limit) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for _, limit := range limits {
		l := p.line(platform, limit)
		if later(later(l.next, l.used).Add(-l.ahead/2), l.until).After(now) {
			return false
		}
	}
	for _, limit := range limits {
		l := p.line(platform, limit)
		l.next, l.used = later(l.next, now).Add(l.every), later(l.used, now).Add(l.every)
	}
	return true
}

// hold keeps everybody from what the platform has found exceeded.
func (p *pacer) hold(platform, name string, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(platform, platforms.Limit{Scope: name}).hold(p.now(), wait)
}

// hold puts everybody off until a wait is over.
func (l *line) hold(now time.Time, wait time.Duration) {
	if wait <= 0 {
		wait = unnamed
	}
	if until := now.Add(wait); until.After(l.until) {
		l.move(until.Sub(later(l.until, now)))
		l.until = until
	}
}

func (l *line) move(by time.Duration) {
	l.moved += by
	l.next = l.next.Add(by)
}

func (p *pacer) stand(platform string, id int64, limits []platforms.Limit, now time.Time) *place {
	p.sweep(now)
	if at := p.places[id]; at != nil {
		return at
	}
	at := &place{since: now}
	for _, limit := range limits {
		l := p.line(platform, limit)
		free := later(l.next.Add(-l.ahead), l.until)
		s := spot{l, later(free, now), l.moved}
		l.next = later(l.next, s.at).Add(l.every)
		at.spots = append(at.spots, s)
	}
	p.places[id] = at
	return at
}

func (p *pacer) line(platform string, limit platforms.Limit) *line {
	key := scope{platform, limit.Scope}
	l := p.lines[key]
	if l == nil {
		l = &line{}
		p.lines[key] = l
	}
	if limit.Every > 0 {
		l.every = limit.Every + margin(limit.Every)
		l.ahead = l.every * time.Duration(max(limit.Burst, 1)-1)
	}
	return l
}

// margin is what a line is slower than the platform allows, since no two requests
// take equally long.
func margin(every time.Duration) time.Duration {
	return max(every/50, min(every/20, 5*time.Millisecond))
}

// time returns from when on whoever stands there may be sent.
func (p *place) time(now time.Time) time.Time {
	at := now
	for _, s := range p.spots {
		at = later(at, later(s.time(), s.line.used.Add(-s.line.ahead)))
	}
	return at
}

// sweep forgets who has not come in time, such as deliveries that another
// replica has taken over, and where nobody stands any more.
func (p *pacer) sweep(now time.Time) {
	if now.Sub(p.swept) < forgetAfter {
		return
	}
	p.swept = now
	for id, at := range p.places {
		if now.Sub(at.time(at.since)) > forgetAfter {
			delete(p.places, id)
		}
	}
	for key, l := range p.lines {
		if now.Sub(later(later(l.next, l.used), l.until)) > 2*forgetAfter {
			delete(p.lines, key)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

const (
	// early is how long before its time a reply in line is taken up again.
	early = 20 * time.Millisecond
	// shortWait is what a worker waits for itself.
	shortWait = 50 * time.Millisecond
)

func (b *Outbox) limits(s platforms.Sender, d *Delivery, c platforms.Call) []platforms.Limit {
	if paced, ok := s.(platforms.Paced); ok {
		return paced.Limits(d.Address, c)
	}
	return nil
}

// isFree reports whether nothing stands before a delivery that is to be sent. It
// has its place from then on.
func (b *Outbox) isFree(d *Delivery) bool {
	limits := b.limits(b.Sender(d.Platform), d, platforms.CallSend)
	return len(limits) == 0 || b.pace.wait(d.Platform, d.ID, limits) <= shortWait
}

// inLine returns an error that says when to come back where the call is not to be
// made soon.
func (b *Outbox) inLine(s platforms.Sender, d *Delivery, c platforms.Call) error {
	limits := b.limits(s, d, c)
	if len(limits) == 0 {
		return nil
	}
	if wait := b.pace.wait(d.Platform, d.ID, limits); wait > shortWait {
		return b.standing(wait)
	}
	return nil
}

// itsTurn returns when the call is to be made at once. Its error is that of inLine.
func (b *Outbox) itsTurn(ctx context.Context, s platforms.Sender, d *Delivery, c platforms.Call) error {
	limits := b.limits(s, d, c)
	if len(limits) == 0 {
		return nil
	}
	for {
		wait, stood := b.pace.enter(d.Platform, d.ID, limits)
		if wait <= 0 {
			b.o.Metrics.SendWaits.WithLabelValues(d.Platform).Observe(stood.Seconds())
			return nil
		}
		if wait > shortWait {
			return b.standing(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// standing is the error of a reply that has to wait in line. It is taken up
// again in time.
func (b *Outbox) standing(wait time.Duration) error {
	if b.due != nil {
		time.AfterFunc(wait-early*3/4, b.due)
	}
	return held(wait-early, failure.New(failure.Retry, "in_line", "waiting for an earlier message to the same chat", nil))
}
