package commands

import (
	"context"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// forgetWithin is how long "yes" may come after it was said what would be erased.
const forgetWithin = 10 * time.Minute

// forgetMe erases everything that is kept about the person, after it has said
// what that is. Neither the command nor its answer is kept.
func forgetMe(r *Registry, e Eraser) Command {
	return Command{
		Name: "forget-me", Usage: "[yes]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			switch {
			case c.Rest == "":
				return askForget(ctx, r.memory, e, c)
			case !strings.EqualFold(c.Rest, "yes"):
				return c.Usage(), nil
			}
			asked, err := e.Asked(ctx, c.Person, c.At.Add(-forgetWithin))
			if err != nil {
				return Answer{}, err
			}
			if !asked {
				return Answer{Text: c.Say("forget-me.first", c.Prefix), Unkept: true}, nil
			}
			return r.eraseAll(ctx, e, c)
		},
	}
}

func askForget(ctx context.Context, m memory.Backend, e Eraser, c Call) (Answer, error) {
	conversations, messages, err := e.Footprint(ctx, c.Person)
	if err != nil {
		return Answer{}, err
	}
	selves, err := e.Selves(ctx, c.Person)
	if err != nil {
		return Answer{}, err
	}
	var kept memory.Footprint
	for _, p := range selves {
		f, err := m.Footprint(ctx, p)
		if err != nil {
			return Answer{}, err
		}
		kept.Preferences, kept.Facts, kept.Scores = kept.Preferences+f.Preferences, kept.Facts+f.Facts, kept.Scores+f.Scores
	}
	return Answer{
		Text: c.Say("forget-me.ask", conversations, messages, kept.Preferences, kept.Facts, kept.Scores, c.Prefix), Unkept: true,
		Apply: func(ctx context.Context, tx database.Tx, _ int64) (string, error) {
			return "", e.AskTx(ctx, tx, c.Person, c.At)
		},
	}, nil
}

func (r *Registry) eraseAll(ctx context.Context, e Eraser, c Call) (Answer, error) {
	selves, err := e.Selves(ctx, c.Person)
	if err != nil {
		return Answer{}, err
	}
	var all []memory.Change
	for _, p := range selves {
		all = append(all, memory.ForgetPerson{Person: p})
	}
	answer, err := c.change(ctx, r.memory, func([]memory.Result) string {
		return c.Say("forget-me.done")
	}, all...)
	if err != nil {
		return Answer{}, err
	}
	forgotten := answer.Apply
	answer.Apply = func(ctx context.Context, tx database.Tx, id int64) (string, error) {
		for _, p := range selves {
			if err := r.forgetTx(ctx, tx, p); err != nil {
				return "", err
			}
		}
		if err := e.EraseTx(ctx, tx, selves, c.EventID); err != nil {
			return "", err
		}
		return forgotten(ctx, tx, id)
	}
	answer.Unkept, answer.Forgets = true, true
	return answer, nil
}

// forgetTx removes what commands themselves keep about the person.
func (r *Registry) forgetTx(ctx context.Context, tx database.Tx, p memory.Person) error {
	for i := range r.commands {
		if forget := r.commands[i].ForgetTx; forget != nil {
			if err := forget(ctx, tx, p); err != nil {
				return err
			}
		}
	}
	return nil
}
