package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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

// errTakenOver is returned for a message that another process goes on with.
var errTakenOver = failure.New(failure.Retry, "taken_over", "", errors.New("another process goes on with this message"))

// anew sends a part whose message is gone or can be changed no more. It has
// another key: by the old one the platform knows that message. A process that
// lost the message to another one meanwhile is told by the platform that it came
// too late, and sends nothing.
func (b *Outbox) anew(ctx context.Context, s platforms.Sender, d *Delivery, p *part, out platforms.Part) (string, error) {
	out.Key += "r"
	err := b.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		n, err := b.db.Exec(ctx, tx, `UPDATE delivery_parts SET state = ?, tried_at = ?, platform_id = '', part_key = ?, handle = ''
			WHERE delivery_id = ? AND n = ? AND takes = ?`, string(pending), database.Micros(time.Time{}), out.Key, d.ID, p.n, p.takes)
		if err == nil && n == 0 {
			err = errTakenOver
		}
		return err
	})
	if err != nil {
		return "", err
	}
	p.handle, p.key = "", out.Key
	p.state, p.since = pending, time.Time{}
	return b.post(ctx, s, d, p, out)
}

// A message that grows may carry no key: after a lost answer it is known only by
// where it stands. So it is taken for a reply's own only if it is no other reply's,
// and no other reply may have opened one in the same place.

// rivals are the replies beside d.
type rivals struct {
	box *Outbox
	d   *Delivery
}

// Hold implements [platforms.Rivals].
func (r rivals) Hold(ctx context.Context, messageID string) (bool, error) {
	owner, err := Table{DB: r.box.db}.OfMessage(ctx, r.box.db.Read(), r.d.Platform, r.d.Address.ChatID, messageID)
	return owner != 0 && owner != r.d.ID, err
}

// Absent implements [platforms.Rivals].
func (r rivals) Absent(ctx context.Context) error {
	b, d := r.box, r.d
	var latest time.Time
	err := b.db.Query(ctx, b.db.Read(), func(rows *sql.Rows) error {
		var text string
		var tried int64
		if err := rows.Scan(&text, &tried); err != nil {
			return err
		}
		var to platforms.Address
		if json.Unmarshal([]byte(text), &to) == nil && to.ChatID == d.Address.ChatID && to.ThreadID == d.Address.ThreadID {
			latest = later(latest, database.Time(tried))
		}
		return nil
	}, `SELECT d.address, p.tried_at FROM deliveries d JOIN delivery_parts p ON p.delivery_id = d.id
		WHERE d.platform = ? AND d.id <> ? AND p.handle = ? AND p.state = ?`, d.Platform, d.ID, opening, string(sending))
	if err != nil || latest.IsZero() {
		return err
	}
	if rest := b.o.Settle[d.Platform] - b.db.Now().Sub(latest); rest > 0 {
		return held(rest, failure.New(failure.Retry, "settling", "the outcome of another send is not known yet", nil))
	}
	return failure.New(failure.Permanent, "ambiguous", unknowable, nil)
}
