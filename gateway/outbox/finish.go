package outbox

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// finish makes a message that has grown the part, as it was committed. That may
// be repeated as often as it takes.
func (b *Outbox) finish(ctx context.Context, s platforms.Sender, d *Delivery, p *part, out platforms.Part) (id string, err error) {
	streamer, ok := s.(platforms.Streamer)
	if !ok { // the app is another one by now
		return b.anew(ctx, s, d, p, out)
	}
	if err := b.take(ctx, d, p, nil); err != nil {
		return "", err
	}
	if err := b.inLine(s, d, platforms.CallClose); err != nil {
		return "", err
	}
	if err := b.itsTurn(ctx, s, d, platforms.CallClose); err != nil {
		return "", err
	}
	err = b.o.Circuits.Get(d.Platform).DoFor(d.who(), func() error {
		d.tries++
		return streamer.Close(ctx, d.Address, p.handle, out, p.seq())
	})
	b.o.Metrics.Sends.WithLabelValues(d.Platform, outcome(err)).Inc()
	if err != nil && failure.KindOf(err) == failure.Permanent {
		return b.anew(ctx, s, d, p, out)
	}
	return p.message(), err
}

// anew sends a part whose message is gone or can be changed no more. It has
// another key: by the old one the platform knows that message.
func (b *Outbox) anew(ctx context.Context, s platforms.Sender, d *Delivery, p *part, out platforms.Part) (string, error) {
	err := b.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		p.handle, p.key = "", out.Key+"r"
		p.state, p.since = pending, time.Time{}
		return b.setState(ctx, tx, d, p, "")
	})
	if err != nil {
		return "", err
	}
	out.Key = p.key
	return b.post(ctx, s, d, p, out)
}
