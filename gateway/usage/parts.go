package usage

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/parley-bot/parley/internal/database"
)

// Parts are what a backup holds of it.
func (l *Ledger) Parts() []database.Part {
	return []database.Part{
		&database.Table{
			DB: l.db, Name: "usage_daily", File: "usage", Key: []string{"day", "model", "share"},
			Columns: []database.Column{
				{Name: "day"},
				{Name: "model"},
				{Name: "share", Kind: database.Number, Newer: int64(0)},
				{Name: "prompt_tokens", Kind: database.Number},
				{Name: "completion_tokens", Kind: database.Number},
				{Name: "calls", Kind: database.Number},
				{Name: "cached_tokens", Kind: database.Number, Newer: int64(0)},
				{Name: "written_tokens", Kind: database.Number, Newer: int64(0)},
				{Name: "cost", Kind: database.Maybe, Newer: nil},
			},
		},
		&countsPart{l: l, Table: &database.Table{
			DB: l.db, Name: "budget_counts", File: "budgets", Key: []string{"who", "at"},
			Columns: []database.Column{
				{Name: "who", Kind: database.Digest},
				{Name: "at", Kind: database.Number},
				{Name: "tokens", Kind: database.Number},
				{Name: "cached", Kind: database.Maybe, Newer: nil},
				{Name: "cost", Kind: database.Maybe, Newer: nil},
			},
		}},
	}
}

// countsPart sums old days up before it writes them and before it adds to them:
// whoever has such a sum keeps it, and no old day is counted beside it.
type countsPart struct {
	*database.Table

	l      *Ledger
	before int64 // days before it are old; 0 until they are summed up
	who    []byte
	summed bool // who had a sum before the restore came to them
}

// Each implements [database.Part].
func (p *countsPart) Each(ctx context.Context, fn func(record []byte) error) error {
	if err := p.l.Fold(ctx, p.l.db.Now()); err != nil {
		return err
	}
	return p.Table.Each(ctx, fn)
}

// Add implements [database.Part]. Records come in the order in which Each gives them.
func (p *countsPart) Add(ctx context.Context, records []json.RawMessage) error {
	if p.before == 0 {
		now := p.l.db.Now()
		if err := p.l.Fold(ctx, now); err != nil {
			return err
		}
		p.before = database.Micros(now.Add(-keepDays))
	}
	var kept []json.RawMessage
	for _, record := range records {
		row, err := p.Row(record)
		if err != nil {
			return err
		}
		if err := p.look(ctx, row); err != nil {
			return err
		}
		if at, _ := row["at"].(int64); !p.summed || at == 0 || at >= p.before {
			kept = append(kept, record)
		}
	}
	return p.Table.Add(ctx, kept)
}

// look finds out whether somebody has a sum, when their first record comes.
func (p *countsPart) look(ctx context.Context, row database.Row) error {
	who, _ := row["who"].([]byte)
	if bytes.Equal(who, p.who) {
		return nil
	}
	var n int64
	err := p.l.db.QueryRow(ctx, p.l.db.Read(), []any{&n}, "SELECT COUNT(*) FROM budget_counts WHERE who = ? AND at = 0", who)
	p.who, p.summed = who, n > 0
	return err
}
