package commands

import (
	"context"
	"strings"
	"time"

	"github.com/parley-bot/parley/memory"
)

// tokens shows what the person and the conversation have used, and what is
// left of the budget.
func tokens(store Store, m memory.Backend, budget Budget) Command {
	return Command{
		Name: "tokens",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			person, err := store.TokensUsed(ctx, c.UserKey, time.Unix(0, 0))
			if err != nil {
				return Answer{}, err
			}
			var here int64
			if c.Conversation != 0 {
				conv, err := store.Get(ctx, c.Conversation)
				if err != nil {
					return Answer{}, err
				}
				here = conv.TotalTokens
			}
			lines := []string{c.Say("tokens.used", person), c.Say("tokens.here", here)}
			left, err := budgetLeft(ctx, store, m, budget, c)
			if err != nil {
				return Answer{}, err
			}
			return Answer{Text: strings.Join(append(lines, left...), "\n")}, nil
		},
	}
}

func budgetLeft(ctx context.Context, store Store, m memory.Backend, budget Budget, c Call) ([]string, error) {
	if budget == nil {
		return nil, nil
	}
	limit, start, end := budget(c.Now)
	if limit == 0 {
		return nil, nil
	}
	used, err := store.TokensUsed(ctx, c.UserKey, start)
	if err != nil {
		return nil, err
	}
	zone, err := zoneOf(ctx, m, c)
	if err != nil {
		return nil, err
	}
	if zone != time.UTC {
		end = end.In(zone)
	}
	return []string{c.Say("tokens.left", max(0, limit-used), limit, end.Format("2006-01-02 15:04 MST"))}, nil
}
