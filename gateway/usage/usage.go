// Package usage keeps what the models reported: per day and model, and per day
// for each person and chat, as budgets count it. It owns the tables usage_daily
// and budget_counts.
package usage

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Day is one model's use on one day (UTC).
type Day struct {
	Day              string `json:"day"` // YYYY-MM-DD
	Model            string `json:"model"`
	PromptTokens     int64  `json:"prompt_tokens"`
	CompletionTokens int64  `json:"completion_tokens"`
	Calls            int64  `json:"calls"`
}

func (d *Day) dest() []any {
	return []any{&d.Day, &d.Model, &d.PromptTokens, &d.CompletionTokens, &d.Calls}
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
		add: database.Upsert(db.Engine(), "INSERT INTO usage_daily (day, model, prompt_tokens, completion_tokens, calls) VALUES (?, ?, ?, ?, 1)", "day, model",
			"prompt_tokens = usage_daily.prompt_tokens + excluded.prompt_tokens, "+
				"completion_tokens = usage_daily.completion_tokens + excluded.completion_tokens, calls = usage_daily.calls + 1"),
		count: database.Upsert(db.Engine(), "INSERT INTO budget_counts (who, at, tokens) VALUES (?, ?, ?)", "who, at",
			"tokens = budget_counts.tokens + excluded.tokens"),
	}
}

// AddTx counts one call.
func (l *Ledger) AddTx(ctx context.Context, tx database.Tx, at time.Time, model string, prompt, completion int64) error {
	_, err := l.db.Exec(ctx, tx, l.add, at.UTC().Format(time.DateOnly), model, prompt, completion)
	return err
}

// Since returns the days from the given one on, newest first.
func (l *Ledger) Since(ctx context.Context, from time.Time) ([]Day, error) {
	days, err := database.All(ctx, l.db, l.db.Read(), (*Day).dest, `SELECT day, model, prompt_tokens, completion_tokens, calls FROM usage_daily
		WHERE day >= ? ORDER BY day DESC, model`, from.UTC().Format(time.DateOnly))
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
