package commands

import (
	"context"

	"github.com/parley-bot/parley/memory"
)

// load shows a preference of the person.
func load(m memory.Backend) Command {
	return Command{
		Name: "load", Usage: "[key]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if len(c.Args) != 1 || c.Args[0] == "" {
				return c.Usage(), nil
			}
			key := c.Args[0]
			value, ok, err := m.Preference(ctx, c.Person, key)
			switch {
			case err != nil:
				return Answer{}, err
			case !ok:
				return Answer{Text: c.Say("load.none", key)}, nil
			}
			return Answer{Text: c.Say("load.found", key, value)}, nil
		},
	}
}
