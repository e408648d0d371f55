package commands

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/memory"
)

// billed is how long a person's bill goes back.
const billed = 30 * 24 * time.Hour

// tokens shows what the person has used in all chats, what this conversation
// holds, what it cost as far as that is known, and what is left of the budgets.
func tokens(o Options) Command {
	return Command{
		Name: "tokens",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			var person, here int64
			var err error
			if o.Spent != nil {
				if person, err = o.Spent.Person(ctx, c.Person, time.Unix(0, 0)); err != nil {
					return Answer{}, err
				}
			}
			if c.Conversation != 0 {
				conv, err := o.Store.Get(ctx, c.Conversation)
				if err != nil {
					return Answer{}, err
				}
				here = conv.TotalTokens
			}
			lines := []string{c.Say("tokens.used", person), c.Say("tokens.here", here)}
			if o.Bills != nil {
				b, err := o.Bills(ctx, c.Person, c.Now.Add(-billed))
				if err != nil {
					return Answer{}, err
				}
				lines = append(lines, bill(c, b)...)
			}
			if o.Budgets != nil {
				left, err := budgetsLeft(ctx, o.Memory, o.Budgets, c)
				if err != nil {
					return Answer{}, err
				}
				lines = append(lines, left...)
			}
			return Answer{Text: strings.Join(lines, "\n")}, nil
		},
	}
}

// bill says what is known of what a person's calls took.
func bill(c Call, b Bill) (lines []string) {
	if b.Cached != nil && *b.Cached > 0 && b.Tokens > 0 {
		lines = append(lines, c.Say("tokens.cached", 100**b.Cached/b.Tokens))
	}
	if b.Cost != nil && *b.Cost > 0 {
		lines = append(lines, c.Say("tokens.cost", strconv.FormatFloat(*b.Cost, 'f', -1, 64)))
	}
	return lines
}

// budgetsLeft returns a line for each budget that there is.
func budgetsLeft(ctx context.Context, m memory.Backend, budgets Budgets, c Call) ([]string, error) {
	all, err := budgets(ctx, c.Person, c.ChatID)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	zone, err := zoneOf(ctx, m, c)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, b := range all {
		if zone != time.UTC {
			b.Resets = b.Resets.In(zone)
		}
		key := "tokens.left"
		if b.Chat {
			key = "tokens.left.chat"
		}
		line := c.Say(key, b.Left, b.Limit, b.Resets.Format("2006-01-02 15:04 MST"))
		if b.Reserved > 0 {
			line += c.Say("tokens.reserved", b.Reserved)
		}
		if b.Warning > 0 {
			line += c.Say("tokens.warning", b.Warning)
		}
		lines = append(lines, line)
	}
	return lines, nil
}
