package conversation

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

const (
	// ledgerExact is how long the ledger keeps every message's time: longer
	// than any budget's period. Older entries are kept by the day (UTC), so
	// that the table does not grow with every message for ever.
	ledgerExact = 62 * 24 * time.Hour
	dayMicros   = int64(24 * time.Hour / time.Microsecond)
	ledgerBatch = 1000
)

// userDay is one user's day in the ledger; at is its first microsecond.
type userDay struct {
	UserHash []byte
	At       int64
}

// compactLedger adds up what is older than ledgerExact.
func (m *PersistentConversationManager) compactLedger(ctx context.Context) error {
	horizon := m.db.Now().Add(-ledgerExact).Truncate(24 * time.Hour).UnixMicro()
	for {
		days, err := database.All(ctx, m.db, m.read(), func(d *userDay) []any { return []any{&d.UserHash, &d.At} },
			`SELECT DISTINCT user_hash, at - at % ? FROM token_ledger WHERE at > 0 AND at < ? AND at % ? <> 0 LIMIT ?`,
			dayMicros, horizon, dayMicros, ledgerBatch)
		if err != nil || len(days) == 0 {
			return err
		}
		for _, d := range days {
			if err := m.compactDay(ctx, d); err != nil {
				return err
			}
		}
	}
}

// compactDay replaces entries of one day by one. It deletes only what it has
// read and locked: an import may be adding to the same day.
func (m *PersistentConversationManager) compactDay(ctx context.Context, d userDay) error {
	return m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		rows, err := database.All(ctx, m.db, tx, func(e *entry) []any { return []any{&e.at, &e.tokens} },
			`SELECT at, tokens FROM token_ledger WHERE user_hash = ? AND at > ? AND at < ? ORDER BY at LIMIT ?`+m.db.ForUpdate(),
			d.UserHash, d.At, d.At+dayMicros, ledgerBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		times, total := make([]int64, len(rows)), int64(0)
		for i, r := range rows {
			times[i] = r.at
			total += r.tokens
		}
		_, err = m.db.Exec(ctx, tx, `DELETE FROM token_ledger WHERE user_hash = ? AND at IN (?)`, d.UserHash, times)
		if err != nil {
			return err
		}
		return m.countTokens(ctx, tx, []entry{{d.UserHash, d.At, total}})
	})
}
