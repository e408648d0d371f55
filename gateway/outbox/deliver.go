package outbox

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// SendLimit bounds one call to a platform. It is shorter than a lease, so that
// a send cannot outlast the right to make it.
const SendLimit = 16 * time.Second

// ErrLeaseShort is returned when the lease may run out during a send.
var ErrLeaseShort error = failure.New(failure.Retry, "lease_short", "", errors.New("the lease is too short for a send"))

// Deliver shows the parts that are not shown yet, in order. left tells for how
// long the caller may still work on this lane; last joins the commit that
// confirms the last part. After an error of kind failure.Permanent nothing more
// can be done; after any other one the caller comes back with Load and Deliver,
// after the wait it names. One that is ErrHeld is no fault of ours.
func (b *Outbox) Deliver(ctx context.Context, d *Delivery, left func() time.Duration,
	last func(ctx context.Context, tx database.Tx) error,
) error {
	sender := b.Sender(d.Platform)
	todo := d.unsent()
	if len(todo) == 0 {
		return b.db.Write(ctx, last)
	}
	for len(todo) > 0 {
		if left() < SendLimit {
			return ErrLeaseShort
		}
		p := todo[0]
		id, err := b.show(ctx, sender, d, p)
		switch {
		case p.isRefused(err):
			if todo, err = b.fallBack(ctx, d, p, err); err != nil {
				return err
			}
			continue
		case err != nil:
			return b.heldBack(d, p, b.failed(ctx, d, p, err))
		}
		todo = todo[1:]
		if err := b.confirm(ctx, d, p, id, head(todo), last); err != nil {
			return err
		}
	}
	return nil
}

// head returns the first of the parts, nil when there is none.
func head(parts []*part) *part {
	if len(parts) == 0 {
		return nil
	}
	return parts[0]
}

// failed is the code of the error that a sentence stands for, "" for a reply.
func (d *Delivery) failed() string {
	if d.Outcome != Dead {
		return ""
	}
	code, _, _ := strings.Cut(d.Error, ":")
	return cmp.Or(code, string(Dead))
}

func (d *Delivery) unsent() []*part {
	var list []*part
	for i := range d.parts {
		if d.parts[i].state != sent {
			list = append(list, &d.parts[i])
		}
	}
	return list
}

// show sends a part unless it turns out to be there already.
func (b *Outbox) show(ctx context.Context, s platforms.Sender, d *Delivery, p *part) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, SendLimit)
	defer cancel()
	out := platforms.Part{Key: p.key, File: p.file, Text: p.text, EventIDs: d.EventIDs, Failed: d.failed()}
	if p.n == d.parts[len(d.parts)-1].n {
		out.Verbs = d.Verbs
	}
	if p.handle != "" && p.handle != opening {
		return b.finish(ctx, s, d, p, out)
	}
	if p.doubt {
		if out.Opened = p.handle == opening; out.Opened {
			out.Rivals = rivals{b, d}
		}
		if rest := b.o.Settle[d.Platform] - b.db.Now().Sub(p.since); rest > 0 {
			return "", held(rest, failure.New(failure.Retry, "settling", "the outcome of a send is not known yet", nil))
		}
		finding, id, err := b.find(ctx, s, d, p, out)
		switch {
		case failure.KindOf(err) == failure.Permanent && err != nil:
			return "", failure.New(failure.Permanent, "ambiguous", unknowable, err)
		case err != nil:
			return "", err
		case finding == platforms.Shown && out.Opened:
			p.handle = id
			return b.finish(ctx, s, d, p, out)
		case finding == platforms.Shown:
			return id, nil
		case finding == platforms.Unknowable:
			return "", failure.New(failure.Permanent, "ambiguous", unknowable, nil)
		}
	}
	out.Opened, out.Rivals = false, nil
	return b.post(ctx, s, d, p, out)
}

// post sends a part that is certainly not there, or that may be sent again.
func (b *Outbox) post(ctx context.Context, s platforms.Sender, d *Delivery, p *part, out platforms.Part) (id string, err error) {
	if err := b.inLine(s, d, platforms.CallSend); err != nil {
		return "", err
	}
	var early error
	err = b.o.Circuits.Get(d.Platform).DoFor(d.who(), func() error {
		id, early, err = b.send(ctx, s, d, p, out)
		return err
	})
	return id, cmp.Or(early, err)
}

// who is whom the circuits know the delivery as: however often it meets a fault,
// it is one.
func (d *Delivery) who() string { return strconv.FormatInt(d.ID, 10) }

func (b *Outbox) find(ctx context.Context, s platforms.Sender, d *Delivery, p *part, out platforms.Part) (f platforms.Finding, id string, err error) {
	err = b.o.Circuits.Get(d.Platform).Ask(d.who(), func() error {
		f, id, err = s.Find(ctx, d.Address, out, p.since)
		return err
	})
	return f, id, err
}

// send makes the call. early is why it was not made yet, which says nothing of
// the endpoint.
func (b *Outbox) send(ctx context.Context, s platforms.Sender, d *Delivery, p *part, out platforms.Part) (id string, early, err error) {
	if p.state == pending {
		if err := b.mark(ctx, d, p); err != nil {
			return "", nil, err
		}
	}
	if err := b.itsTurn(ctx, s, d, platforms.CallSend); err != nil {
		return "", err, ErrHeld
	}
	d.tries++
	id, err = s.Send(ctx, d.Address, out)
	b.o.Metrics.Sends.WithLabelValues(d.Platform, outcome(err)).Inc()
	return id, nil, err
}

func outcome(err error) string {
	if err == nil {
		return "sent"
	}
	switch failure.KindOf(err) {
	case failure.Retry:
		return "retry"
	case failure.Permanent:
		return "permanent"
	default:
		return "ambiguous"
	}
}

// mark notes, before a send, that the platform may have the part from now on.
func (b *Outbox) mark(ctx context.Context, d *Delivery, p *part) error {
	return b.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := b.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		p.state, p.since = sending, database.Time(now)
		return b.setState(ctx, tx, d, p, "")
	})
}

// confirm notes in one commit that a part is shown and that the next one may
// be, or, after the last one, whatever the caller adds.
func (b *Outbox) confirm(ctx context.Context, d *Delivery, p *part, id string, next *part, last func(context.Context, database.Tx) error) error {
	// A caller that is shutting down must still be able to write down what
	// the platform has already shown.
	ctx = context.WithoutCancel(ctx)
	note := func(ctx context.Context, tx database.Tx) error {
		p.state = sent
		if err := b.setState(ctx, tx, d, p, id); err != nil || next == nil {
			return err
		}
		now, err := b.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		next.state, next.since = sending, database.Time(now)
		return b.setState(ctx, tx, d, next, "")
	}
	if next != nil {
		return b.db.Write(ctx, note)
	}
	err := b.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := note(ctx, tx); err != nil {
			return err
		}
		return last(ctx, tx)
	})
	if err == nil {
		return nil
	}
	// The lane may be lost; that the part is shown is true all the same.
	return errors.Join(err, b.db.Write(ctx, note))
}

func (b *Outbox) setState(ctx context.Context, tx database.Tx, d *Delivery, p *part, id string) error {
	_, err := b.db.Exec(ctx, tx, "UPDATE delivery_parts SET state = ?, tried_at = ?, platform_id = ?, part_key = ?, handle = ? WHERE delivery_id = ? AND n = ?",
		string(p.state), database.Micros(p.since), id, p.key, p.handle, d.ID, p.n)
	return err
}

// failed notes that a part is certainly not shown, when that is certain.
func (b *Outbox) failed(ctx context.Context, d *Delivery, p *part, err error) error {
	certain := failure.KindOf(err) == failure.Retry
	if !certain || p.doubt || p.handle != "" || p.state != sending {
		return err
	}
	noted := b.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx database.Tx) error {
		p.state, p.since = pending, time.Time{}
		return b.setState(ctx, tx, d, p, "")
	})
	return errors.Join(err, noted)
}
