package commands

import (
	"cmp"
	"context"
	"strings"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/internal/database"
)

// choice shows or sets one thing that a conversation may choose. The texts are
// the command's own: NAME.now, NAME.set, NAME.unset, NAME.wrong, NAME.none.
func choice(store Store, of *profile.Choice, chosen func(Call) string,
	set func(s Store, ctx context.Context, tx database.Tx, id int64, name string) error,
) Command {
	return Command{
		Name: of.Key, Usage: "[name]", Allowed: Call.rules,
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if c.Rest == "" {
				return c.chosen(ctx, of, chosen(c))
			}
			name := unquoted(c.Rest)
			value := of.Allowed(name)
			answer := Answer{Text: c.Say(of.Key+".set", value)}
			switch {
			case value == "" && !strings.EqualFold(name, profile.Unset):
				return Answer{Text: c.Say(of.Key+".wrong", name) + "\n" + c.available(of)}, nil
			case value == "":
				answer.Text = c.Say(of.Key + ".unset")
			}
			answer.Apply = func(ctx context.Context, tx database.Tx, id int64) (string, error) {
				return "", set(store, ctx, tx, id, value)
			}
			return answer, nil
		},
	}
}

// chosen says what is used now, and what else there is.
func (c Call) chosen(ctx context.Context, of *profile.Choice, own string) (Answer, error) {
	now, err := of.Of(ctx, c.Person, own)
	if err != nil {
		return Answer{}, err //nolint:wrapcheck // Run says which command it was
	}
	text := c.available(of)
	if now = cmp.Or(now, of.Default); now != "" { // else no AI, so no model
		text = c.Say(of.Key+".now", now) + "\n" + text
	}
	return Answer{Text: text}, nil
}

// available says what there is to choose from.
func (c Call) available(of *profile.Choice) string {
	if len(of.Names) == 0 {
		return c.Say(of.Key + ".none")
	}
	return c.Say("available", strings.Join(of.Names, ", "), c.Prefix, of.Key)
}
