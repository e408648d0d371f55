package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

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
