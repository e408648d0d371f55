// Package usage keeps what the models reported: per day and model, and per day
// for each person and chat, as budgets count it. It owns the tables usage_daily
// and budget_counts.
package usage

import (
	"context"
	"database/sql"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// Day is one model's use on one day (UTC).
type Day struct {
	Day              string `json:"day"` // YYYY-MM-DD
	Model            string `json:"model"`
	PromptTokens     int64  `json:"prompt_tokens"`
	CompletionTokens int64  `json:"completion_tokens"`
	Calls            int64  `json:"calls"`
	CachedTokens     int64  `json:"cached_tokens"`
	// Cost is in the provider's currency; nil where a call had no known price.
	Cost *float64 `json:"cost"`

	billionths sql.NullInt64
}

func (d *Day) dest() []any {
	return []any{&d.Day, &d.Model, &d.PromptTokens, &d.CompletionTokens, &d.Calls, &d.CachedTokens, &d.billionths}
}

// Ledger adds up usage. It is safe for concurrent use.
type Ledger struct {
	db         *database.DB
	add, count string // statements
}

// New returns the ledger on a migrated database.
func New(db *database.DB) *Ledger {
	return &Ledger{
		db: db,
		add: database.Upsert(db.Engine(), `INSERT INTO usage_daily (day, model, share, prompt_tokens, completion_tokens, cached_tokens, written_tokens, cost, calls)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)`, "day, model, share",
			"prompt_tokens = usage_daily.prompt_tokens + excluded.prompt_tokens, "+
				"completion_tokens = usage_daily.completion_tokens + excluded.completion_tokens, "+
				"cached_tokens = usage_daily.cached_tokens + excluded.cached_tokens, "+
				"written_tokens = usage_daily.written_tokens + excluded.written_tokens, "+
				"cost = usage_daily.cost + excluded.cost, calls = usage_daily.calls + 1"), // a cost that is not known makes the sum unknown
		count: database.Upsert(db.Engine(), "INSERT INTO budget_counts (who, at, tokens, cached, cost) VALUES (?, ?, ?, ?, ?)", "who, at",
			"tokens = budget_counts.tokens + excluded.tokens, cached = budget_counts.cached + excluded.cached, "+
				"cost = budget_counts.cost + excluded.cost"), // likewise
	}
}

// shares is in how many rows a day and model are counted: each is locked until a
// turn's commit has reached the disk, and one would make all turns wait for it.
const shares = 16

// AddTx counts one call for a person.
func (l *Ledger) AddTx(ctx context.Context, tx database.Tx, at time.Time, call *ai.Response, p memory.Person) error {
	var cost any
	if call.Cost != nil {
		cost = *call.Cost
	}
	_, err := l.db.Exec(ctx, tx, l.add, at.UTC().Format(time.DateOnly), call.Model, int64(p.Hash()[0])%shares, call.PromptTokens, call.CompletionTokens,
		call.CachedTokens, call.WrittenTokens, cost)
	return err
}

// Since returns the days from the given one on, newest first.
func (l *Ledger) Since(ctx context.Context, from time.Time) ([]Day, error) {
	days, err := database.All(ctx, l.db, l.db.Read(), (*Day).dest, "SELECT day, model, SUM(prompt_tokens), SUM(completion_tokens), SUM(calls), SUM(cached_tokens), "+
		whole("cost")+" FROM usage_daily WHERE day >= ? GROUP BY day, model ORDER BY day DESC, model", from.UTC().Format(time.DateOnly))
	for i := range days {
		if d := &days[i]; d.billionths.Valid {
			cost := float64(d.billionths.Int64) / 1e9
			d.Cost = &cost
		}
	}
	if days == nil {
		days = []Day{} // a list in JSON
	}
	return days, err
}

// Trim deletes what is older than the given day.
func (l *Ledger) Trim(ctx context.Context, before time.Time) error {
	return l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := l.db.Exec(ctx, tx, "DELETE FROM usage_daily WHERE day < ?", before.UTC().Format(time.DateOnly))
		return err
	})
}
