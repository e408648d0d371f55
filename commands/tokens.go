package commands

import (
	"context"
	"strings"
	"time"

	"github.com/parley-bot/parley/memory"
)

// tokens shows what the person has used in all chats, what this conversation
// holds, and what is left of the budgets.
func tokens(store Store, m memory.Backend, spent Spent, budget Budget) Command {
	return Command{
		Name: "tokens",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			var person, here int64
			var err error
			if spent != nil {
				if person, err = spent.Person(ctx, c.Person, time.Unix(0, 0)); err != nil {
					return Answer{}, err
				}
			}
			if c.Conversation != 0 {
				conv, err := store.Get(ctx, c.Conversation)
				if err != nil {
					return Answer{}, err
				}
				here = conv.TotalTokens
			}
			lines := []string{c.Say("tokens.used", person), c.Say("tokens.here", here)}
			if spent != nil && budget != nil {
				left, err := budgetsLeft(ctx, m, spent, budget, c)
				if err != nil {
					return Answer{}, err
				}
				lines = append(lines, left...)
			}
			return Answer{Text: strings.Join(lines, "\n")}, nil
		},
	}
}

// budgetsLeft returns a line for each budget that there is.
func budgetsLeft(ctx context.Context, m memory.Backend, spent Spent, budget Budget, c Call) ([]string, error) {
	person, chat, start, end := budget(c.Now)
	zone, err := zoneOf(ctx, m, c)
	if err != nil {
		return nil, err
	}
	if zone != time.UTC {
		end = end.In(zone)
	}
	var lines []string
	for _, one := range []struct {
		key   string
		limit int64
		used  func() (int64, error)
	}{
		{"tokens.left", person, func() (int64, error) { return spent.Person(ctx, c.Person, start) }},
		{"tokens.left.chat", chat, func() (int64, error) { return spent.Chat(ctx, c.Person.Realm(), c.ChatID, start) }},
	} {
		if one.limit == 0 {
			continue
		}
		used, err := one.used()
		if err != nil {
			return nil, err
		}
		lines = append(lines, c.Say(one.key, max(0, one.limit-used), one.limit, end.Format("2006-01-02 15:04 MST")))
	}
	return lines, nil
}
