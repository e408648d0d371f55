package commands

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

// change answers with what becomes of changes to what is remembered. They join
// the turn's commit where the memory can; where it is another server they are
// made now, and once, because they are named after the event.
func (c Call) change(ctx context.Context, m memory.Backend, say func([]memory.Result) string, changes ...memory.Change) (Answer, error) {
	effect := memory.Effect{ID: c.Event + ":command", At: c.At}
	apply := func(ctx context.Context, tx database.Tx, _ int64) (string, error) {
		results, err := m.Apply(ctx, tx, effect, changes...)
		if err != nil {
			return "", err
		}
		if text := c.refused(results); text != "" {
			return text, nil
		}
		return say(results), nil
	}
	if m.Transactional() {
		return Answer{Apply: apply}, nil
	}
	text, err := apply(ctx, database.Tx{}, 0)
	return Answer{Text: text}, err
}

// place returns where the chat's facts and scores belong.
func (c Call) place() memory.Place { return memory.PlaceOf(c.Person, c.Group, c.ChatID) }

// refused says which limit was in the way of a change, "" when none was.
func (c Call) refused(results []memory.Result) string {
	for _, r := range results {
		if r.Refused != nil {
			return c.Say("not.saved", failure.SafeOf(r.Refused))
		}
	}
	return ""
}
