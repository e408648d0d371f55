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
	Day              string `bun:"day"               json:"day"` // YYYY-MM-DD
	Model            string `bun:"model"             json:"model"`
	PromptTokens     int64  `bun:"prompt_tokens"     json:"prompt_tokens"`
	CompletionTokens int64  `bun:"completion_tokens" json:"completion_tokens"`
	Calls            int64  `bun:"calls"             json:"calls"`
}

// Ledger adds up usage. It is safe for concurrent use.
type Ledger struct {
	db    *database.DB
	add   *database.Stmt
	count *database.Stmt
}

// New prepares the ledger on a migrated database.
func New(ctx context.Context, db *database.DB) (*Ledger, error) {
	count := "INSERT INTO budget_counts (who, at, tokens) VALUES (?, ?, ?) "
	query := "INSERT INTO usage_daily (day, model, prompt_tokens, completion_tokens, calls) VALUES (?, ?, ?, ?, 1) "
	if db.Engine() == database.MySQL {
		query += `ON DUPLICATE KEY UPDATE prompt_tokens = prompt_tokens + VALUES(prompt_tokens),
			completion_tokens = completion_tokens + VALUES(completion_tokens), calls = calls + 1`
		count += "ON DUPLICATE KEY UPDATE tokens = tokens + VALUES(tokens)"
	} else {
		query += `ON CONFLICT (day, model) DO UPDATE SET prompt_tokens = usage_daily.prompt_tokens + excluded.prompt_tokens,
			completion_tokens = usage_daily.completion_tokens + excluded.completion_tokens, calls = usage_daily.calls + 1`
		count += "ON CONFLICT (who, at) DO UPDATE SET tokens = budget_counts.tokens + excluded.tokens"
	}
	l := &Ledger{db: db}
	var err error
	if l.add, err = db.Prepare(ctx, query); err != nil {
		return nil, err
	}
	l.count, err = db.Prepare(ctx, count)
	return l, err
}

// AddTx counts one call.
func (l *Ledger) AddTx(ctx context.Context, tx database.Tx, at time.Time, model string, prompt, completion int64) error {
	_, err := l.add.Exec(ctx, tx, at.UTC().Format(time.DateOnly), model, prompt, completion)
	return err
}

// Since returns the days from the given one on, newest first.
func (l *Ledger) Since(ctx context.Context, from time.Time) ([]Day, error) {
	days := []Day{}
	err := l.db.Read().NewRaw(`SELECT day, model, prompt_tokens, completion_tokens, calls FROM usage_daily
		WHERE day >= ? ORDER BY day DESC, model`, from.UTC().Format(time.DateOnly)).Scan(ctx, &days)
	return days, database.Explain(err)
}

// Trim deletes what is older than the given day.
func (l *Ledger) Trim(ctx context.Context, before time.Time) error {
	return l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := tx.NewRaw("DELETE FROM usage_daily WHERE day < ?", before.UTC().Format(time.DateOnly)).Exec(ctx)
		return err
	})
}
