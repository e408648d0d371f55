package turn

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/sentences"
)

// Budget bounds how many tokens one person may use in a period.
type Budget struct {
	Tokens   int64 // 0: no bound
	Monthly  bool  // a calendar month instead of a day
	Location *time.Location
}

// ledger tells what somebody has used.
type ledger interface {
	TokensUsed(ctx context.Context, userKey string, since time.Time) (int64, error)
}

// check returns the sentence with which a call over the budget is refused, ""
// when it may be made.
func (b Budget) check(ctx context.Context, l ledger, userKey string, now time.Time, say sentences.Say) (string, error) {
	if b.Tokens == 0 {
		return "", nil
	}
	start, end := b.period(now)
	used, err := l.TokensUsed(ctx, userKey, start)
	if err != nil || used < b.Tokens {
		return "", err
	}
	return say("ai.budget", b.Tokens, end.Format("2006-01-02 15:04 MST")), nil
}

func (b Budget) period(now time.Time) (start, end time.Time) {
	loc := b.Location
	if loc == nil {
		loc = time.UTC
	}
	y, m, d := now.In(loc).Date()
	if b.Monthly {
		start = time.Date(y, m, 1, 0, 0, 0, 0, loc)
		return start, start.AddDate(0, 1, 0)
	}
	start = time.Date(y, m, d, 0, 0, 0, 0, loc)
	return start, start.AddDate(0, 0, 1)
}
