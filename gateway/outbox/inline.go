package outbox

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

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
