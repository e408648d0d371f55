package commands

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// save stores a preference of the person.
func save(m Memory) Command {
	const name, arguments = "save", "[key] [value]"
	return Command{
		Name: name, Usage: arguments,
		Help: Text{En: "Save a preference", Zh: "保存一项偏好"},
		Run: func(_ context.Context, c Call) (Answer, error) {
			key, value := cutWord(c.Rest)
			if value == "" {
				return c.usage(name, arguments), nil
			}
			return Answer{
				Text: c.say(Text{
					En: "Saved preference '%s' with value '%s'",
					Zh: "已保存偏好“%s”，值为“%s”",
				}, key, value),
				Apply: func(ctx context.Context, tx database.Tx, _ int64) (string, error) {
					err := m.SetPreferenceTx(ctx, tx, c.Person, key, value)
					if failure.KindOf(err) == failure.Invalid { // nothing was written: an answer, not a failed commit
						return c.say(Text{En: "Not saved: %s.", Zh: "未保存：%s。"}, failure.SafeOf(err)), nil
					}
					return "", err
				},
			}, nil
		},
	}
}
