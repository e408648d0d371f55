package tokens

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

const (
	// exact is how long the ledger keeps every message's time: longer
	// than any budget's period. Older entries are kept by the day (UTC), so
	// that the table does not grow with every message for ever.
	exact     = 62 * 24 * time.Hour
	dayMicros = int64(24 * time.Hour / time.Microsecond)
	batch     = 1000
)

// userDay is one user's day in the ledger; at is its first microsecond.
type userDay struct {
	UserHash []byte
	At       int64
}

// Compact adds up what is older than 62 days, by the day.
func (l *Ledger) Compact(ctx context.Context) error {
	horizon := l.db.Now().Add(-exact).Truncate(24 * time.Hour).UnixMicro()
	for {
		days, err := database.All(ctx, l.db, l.db.Read(), func(d *userDay) []any { return []any{&d.UserHash, &d.At} },
			`SELECT DISTINCT user_hash, at - at % ? FROM token_ledger WHERE at > 0 AND at < ? AND at % ? <> 0 LIMIT ?`,
			dayMicros, horizon, dayMicros, batch)
		if err != nil || len(days) == 0 {
			return err
		}
		for _, d := range days {
			if err := l.compactDay(ctx, d); err != nil {
				return err
			}
		}
	}
}

// compactDay replaces entries of one day by one. It deletes only what it has
// read and locked: an import may be adding to the same day.
func (l *Ledger) compactDay(ctx context.Context, d userDay) error {
	return l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		rows, err := database.All(ctx, l.db, tx, func(e *Entry) []any { return []any{&e.At, &e.Tokens} },
			`SELECT at, tokens FROM token_ledger WHERE user_hash = ? AND at > ? AND at < ? ORDER BY at LIMIT ?`+l.db.ForUpdate(),
			d.UserHash, d.At, d.At+dayMicros, batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		times, total := make([]int64, len(rows)), int64(0)
		for i, r := range rows {
			times[i] = r.At
			total += r.Tokens
		}
		_, err = l.db.Exec(ctx, tx, `DELETE FROM token_ledger WHERE user_hash = ? AND at IN (?)`, d.UserHash, times)
		if err != nil {
			return err
		}
		return l.AddTx(ctx, tx, []Entry{{d.UserHash, d.At, total}})
	})
}
