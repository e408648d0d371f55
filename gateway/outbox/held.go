package outbox

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// ErrHeld marks that a finished reply is held back: by its platform, by an open
// circuit, or in line behind others. That is no failed attempt at the message.
var ErrHeld = errors.New("the reply is held back")

const unknowable = "unknown whether the reply was shown"

type heldError struct{ error }

func (e heldError) Unwrap() error      { return e.error }
func (heldError) Is(target error) bool { return target == ErrHeld }

// held is err as one that asks to come back after a wait.
func held(wait time.Duration, err error) error {
	return &failure.Error{Kind: failure.KindOf(err), Code: failure.CodeOf(err), Wait: wait, Err: heldError{err}}
}

// heldBack says what follows from an error of a platform: it is offered the
// part again later, until GiveUpAfter is over. A fault of another kind, such as
// the database's, stays as it is.
func (b *Outbox) heldBack(d *Delivery, p *part, err error) error {
	kind := failure.KindOf(err)
	if errors.Is(err, ErrHeld) || kind != failure.Retry && kind != failure.Ambiguous {
		return err
	}
	age, wait := b.db.Now().Sub(d.since), failure.WaitOf(err)
	if limit := failure.ScopeOf(err); limit != "" {
		wait = b.pace.putOff(d.Platform, d.ID, limit, wait)
	}
	switch {
	case age < b.o.GiveUpAfter && wait > 0:
		return held(wait, err)
	case age < b.o.GiveUpAfter:
		return held(b.backoff(age), err)
	case p.doubt || kind == failure.Ambiguous:
		return failure.New(failure.Permanent, "ambiguous", unknowable, err)
	}
	return failure.New(failure.Permanent, failure.CodeOf(err), "the platform has held the reply back for too long", err)
}

// backoff is the wait after the platform has held back a reply that is offered
// for so long already. Waiting as long again doubles it.
func (b *Outbox) backoff(age time.Duration) time.Duration {
	d := min(max(age, b.o.Backoff), b.o.MaxBackoff)
	return d*3/4 + rand.N(d/2+1)
}
