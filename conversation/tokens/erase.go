package tokens

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Erase removes what is counted under these keys before a time, in slices.
func (l *Ledger) Erase(ctx context.Context, hashes [][]byte, before time.Time) error {
	for _, hash := range hashes {
		for {
			times, err := database.Values[int64](ctx, l.db, l.db.Read(), `SELECT at FROM token_ledger WHERE user_hash = ? AND at < ? ORDER BY at LIMIT ?`,
				hash, before.UnixMicro(), batch)
			if err != nil {
				return err
			}
			if len(times) == 0 {
				break
			}
			err = l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
				_, err := l.db.Exec(ctx, tx, `DELETE FROM token_ledger WHERE user_hash = ? AND at IN (?)`, hash, times)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
