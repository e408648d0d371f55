package tokens

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Part is what a backup holds of the tokens that people have used.
func (l *Ledger) Part() database.Part {
	return &part{Table: &database.Table{
		DB: l.db, Name: "token_ledger", File: "tokens", Key: []string{"user_hash", "at"},
		Columns: []database.Column{
			{Name: "user_hash", Kind: database.Digest},
			{Name: "at", Kind: database.Number},
			{Name: "tokens", Kind: database.Number},
		},
	}, ledger: l}
}

// part adds up old days before it writes them and before it adds to them,
// so that a day of the backup and the same day in the database are one row each
// and nothing counts twice.
type part struct {
	*database.Table

	ledger  *Ledger
	horizon int64 // 0 until old days are added up
}

// Each implements [database.Part].
func (p *part) Each(ctx context.Context, fn func(record []byte) error) error {
	if err := p.ledger.Compact(ctx); err != nil {
		return err
	}
	return p.Table.Each(ctx, fn)
}

// Add implements [database.Part].
func (p *part) Add(ctx context.Context, records []json.RawMessage) error {
	if p.horizon == 0 {
		if err := p.ledger.Compact(ctx); err != nil {
			return err
		}
		p.horizon = p.DB.Now().Add(-exact).Truncate(24 * time.Hour).UnixMicro()
	}
	var kept []json.RawMessage
	for _, record := range records {
		counted, err := p.counted(ctx, record)
		if err != nil {
			return err
		}
		if !counted {
			kept = append(kept, record)
		}
	}
	return p.Table.Add(ctx, kept)
}

// counted reports whether an old record is in the row of its day already.
func (p *part) counted(ctx context.Context, record json.RawMessage) (bool, error) {
	row, err := p.Row(record)
	if err != nil {
		return false, err
	}
	at, _ := row["at"].(int64)
	if at <= 0 || at >= p.horizon || at%dayMicros == 0 {
		return false, nil
	}
	var n int64
	err = p.DB.QueryRow(ctx, p.DB.Read(), []any{&n}, `SELECT COUNT(*) FROM token_ledger WHERE user_hash = ? AND at = ?`,
		row["user_hash"], at-at%dayMicros)
	return n > 0, err
}
