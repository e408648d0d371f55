package turn

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/platforms"
)

// Budget bounds how many tokens may be used in a period: prompts and replies
// as the models report them. 0 = no bound.
type Budget struct {
	Tokens     int64 // of one person, in all chats together
	ChatTokens int64 // of one chat, by everybody in it
	Monthly    bool  // a calendar month instead of a day
	Location   *time.Location
}

// spendTx counts tokens for who wrote e and for the chat.
func (r *Runner) spendTx(ctx context.Context, tx database.Tx, e *platforms.Event, tokens int64) error {
	return r.Usage.SpendTx(ctx, tx, r.Budget.day(r.DB.Now()), tokens, person(e), e.ChatID)
}

// overBudget returns the sentence with which a call is refused, "" when it may
// be made.
func (r *Runner) overBudget(ctx context.Context, e *platforms.Event, say sentences.Say) (string, error) {
	start, end := r.Budget.Period(r.DB.Now())
	p := person(e)
	for _, one := range []struct {
		limit int64
		key   string
		used  func() (int64, error)
	}{
		{r.Budget.Tokens, "ai.budget", func() (int64, error) { return r.Usage.Person(ctx, p, start) }},
		{r.Budget.ChatTokens, "ai.budget.chat", func() (int64, error) { return r.Usage.Chat(ctx, p.Realm(), e.ChatID, start) }},
	} {
		if one.limit == 0 {
			continue
		}
		used, err := one.used()
		if err != nil {
			return "", err
		}
		if used >= one.limit {
			return say(one.key, one.limit, end.Format("2006-01-02 15:04 MST")), nil
		}
	}
	return "", nil
}

// Period returns the period that now lies in.
func (b Budget) Period(now time.Time) (start, end time.Time) {
	start = b.day(now)
	if !b.Monthly {
		return start, start.AddDate(0, 0, 1)
	}
	start = start.AddDate(0, 0, 1-start.Day())
	return start, start.AddDate(0, 1, 0)
}

// day returns when the day began that now lies in.
func (b Budget) day(now time.Time) time.Time {
	loc := b.Location
	if loc == nil {
		loc = time.UTC
	}
	y, m, d := now.In(loc).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, loc)
}
