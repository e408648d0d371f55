package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/memory"
)

// stats counts what is stored of the asker's tenant on this platform. It runs before its own
// messages are stored, so they are not counted.
func stats(store Store, m memory.Backend) Command {
	return Command{
		Name: "stats", Usage: "[commands]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			switch {
			case c.Rest == "":
				return botStats(ctx, store, m, c)
			case strings.EqualFold(c.Rest, "commands"):
				return commandStats(ctx, m, c)
			}
			return c.Usage(), nil
		},
	}
}

func botStats(ctx context.Context, store Store, m memory.Backend, c Call) (Answer, error) {
	conversations, messages, err := store.RealmStats(ctx, c.Person.Tenant, c.Person.Platform)
	if err != nil {
		return Answer{}, err
	}
	people, err := m.People(ctx, c.Person.Realm())
	if err != nil {
		return Answer{}, err
	}
	return Answer{Text: c.Say("stats.bot", conversations, messages, people)}, nil
}

func commandStats(ctx context.Context, m memory.Backend, c Call) (Answer, error) {
	uses, err := m.CommandUses(ctx, c.Person.Realm())
	if err != nil {
		return Answer{}, err
	}
	if len(uses) == 0 {
		return Answer{Text: c.Say("stats.unused")}, nil
	}
	lines := []string{c.Say("stats.commands")}
	for _, u := range uses {
		lines = append(lines, fmt.Sprintf("%s%s: %d", c.Prefix, u.Name, u.Count))
	}
	return Answer{Text: strings.Join(lines, "\n")}, nil
}
