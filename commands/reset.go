package commands

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// reset removes the conversation's messages. Neither the command nor its
// answer is kept, so that nothing is left.
func reset(store Store) Command {
	return Command{
		Name: "reset", Aliases: []string{"clear"}, Allowed: Call.rules,
		Run: func(_ context.Context, c Call) (Answer, error) {
			return Answer{
				Text:   c.Say("reset.done"),
				Unkept: true,
				Apply: func(ctx context.Context, tx database.Tx, id int64) (string, error) {
					if id == 0 {
						return "", nil
					}
					return "", store.ClearTx(ctx, tx, id)
				},
			}, nil
		},
	}
}
