package commands

import (
	"context"

	"github.com/parley-bot/parley/memory"
)

// save stores a preference of the person.
func save(m memory.Backend) Command {
	return Command{
		Name: "save", Usage: "[key] [value]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			key, value, _ := CutArgument(c.Rest)
			if key == "" || value == "" {
				return c.Usage(), nil
			}
			return c.change(ctx, m, func([]memory.Result) string {
				return c.Say("save.done", key, value)
			}, memory.SetPreference{Person: c.Person, Key: key, Value: value})
		},
	}
}
