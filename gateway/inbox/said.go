package inbox

import (
	"cmp"
	"slices"
	"time"
)

const (
	// timely is how long ago a platform may have been told what it delivers now.
	// They repeat what they are not sure of for hours.
	timely = 24 * time.Hour
	// ahead is by how much a platform's clock may be ahead of ours to count.
	ahead = time.Minute
)

// asSaid puts what waits for its first turn in the order in which it was said.
// What one chat is told over two connections may change places on the way.
// Whatever has begun stands in front.
func asSaid(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.begun(), b.begun()), a.saidAt().Compare(b.saidAt()))
	})
}

// begun returns how far the way of an event is: those whose reply is made come
// before those that were taken up, and these before all others.
func (e *Event) begun() int {
	switch {
	case e.DeliveryID != 0:
		return 0
	case e.State != Received:
		return 1
	}
	return 2
}

// saidAt is the platform's time, unless that is far from when the event came.
func (e *Event) saidAt() time.Time {
	if at, since := e.Event.SentAt, e.ReceivedAt.Sub(e.Event.SentAt); since < timely && since > -ahead {
		return at
	}
	return e.ReceivedAt
}
