package commands

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

// change answers with what becomes of changes to what is remembered. They are
// made once, because they are named after the event.
func (c Call) change(ctx context.Context, m memory.Backend, say func([]memory.Result) string, changes ...memory.Change) (Answer, error) {
	staged, err := m.Stage(ctx, memory.Effect{ID: c.Event + ":command", At: c.At}, changes...)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Apply: func(ctx context.Context, tx database.Tx, _ int64) (string, error) {
		results, err := staged(ctx, tx)
		if err != nil {
			return "", err
		}
		if text := c.refused(results); text != "" {
			return text, nil
		}
		return say(results), nil
	}}, nil
}

// place returns where the chat's facts and scores belong.
func (c Call) place() memory.Place { return memory.PlaceOf(c.Person, c.Group, c.ChatID) }

// refused says which limit was in the way of a change, "" when none was.
func (c Call) refused(results []memory.Result) string {
	for _, r := range results {
		if r.Refused != nil {
			return c.Say("not.saved", c.why(r.Refused))
		}
	}
	return ""
}

// why says which limit was in the way, in the person's language where the
// catalogue knows the limit.
func (c Call) why(refused error) string {
	code := failure.CodeOf(refused)
	if key := "refused." + code; c.voice.Has(key) {
		return c.Say(key, limits(code)...)
	}
	return failure.SafeOf(refused)
}

// limits are the figures in the sentence about a refusal.
func limits(code string) []any {
	switch code {
	case "too_many_facts":
		return []any{memory.MaxFacts}
	case "too_many_preferences":
		return []any{memory.MaxKeys}
	case "preference_key_too_long":
		return []any{memory.MaxKeyBytes}
	case "preference_value_too_long":
		return []any{memory.MaxValueBytes >> 10}
	case "fact_key_too_long":
		return []any{memory.MaxFactKeyBytes}
	case "fact_value_too_long":
		return []any{memory.MaxFactValueBytes}
	case "reason_too_long":
		return []any{memory.MaxReasonBytes}
	}
	return nil
}
