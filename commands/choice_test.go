package commands_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/memory"
)

func choosing(t *testing.T) *chat {
	t.Helper()
	return newChat(t, commands.Options{}, profile.Options{
		DefaultModel: "openai:small", Models: []string{"openai:small", "openai:big"},
		Personas: map[string]string{"poet": "You rhyme.", "Pirate": "Arr."},
	})
}

const (
	models   = "Available: openai:small, openai:big. Send /model default to go back to the configured one."
	personas = "Available: Pirate, poet. Send /persona default to go back to the configured one."
)

func TestModelAndPersona(t *testing.T) {
	t.Parallel()
	c := choosing(t)
	c.expect(t,
		say{"/model", "This conversation uses the model openai:small.\n" + models},
		say{"/model gpt-9", "Unknown model 'gpt-9'.\n" + models},
		say{"/model BIG", "This conversation now uses the model openai:big."},
		say{"/model", "This conversation uses the model openai:big.\n" + models},
		say{"/persona", "This conversation uses the persona default.\n" + personas},
		say{"/persona judge", "Unknown persona 'judge'.\n" + personas},
		say{"/persona pirate", "This conversation now uses the persona Pirate."},
		say{"/persona", "This conversation uses the persona Pirate.\n" + personas},
	)
	if c.store.model != "openai:big" || c.store.persona != "Pirate" {
		t.Errorf("stored %q and %q", c.store.model, c.store.persona)
	}
	c.expect(t,
		say{"/model default", "This conversation now uses the configured model."},
		say{"/persona default", "This conversation no longer has its own persona."},
		say{"/model", "This conversation uses the model openai:small.\n" + models},
	)
	newChat(t, commands.Options{}).expect(t,
		say{"/persona x", "Unknown persona 'x'.\nNo personas are configured."},
		say{"/model", "No other model is available."},
		say{"/model x", "Unknown model 'x'.\nNo other model is available."},
	)
}

// What a conversation has chosen comes before what a person prefers, and what
// is not allowed (any more) counts as nothing.
func TestChoose(t *testing.T) {
	t.Parallel()
	c := choosing(t)
	for _, step := range []struct{ send, model, persona, wantModel, wantSystem string }{
		{"", "", "", "", ""},
		{"", "openai:big", "poet", "openai:big", "You rhyme."},
		{"", "openai:gone", "gone", "", ""},
		{"/save model big", "", "", "openai:big", ""},
		{"/save persona Poet", "openai:small", "Pirate", "openai:small", "Arr."},
		{"", "", "", "openai:big", "You rhyme."},
		{"/save model gpt-9", "", "", "", "You rhyme."},
		{"/save persona default", "", "", "", ""},
	} {
		if step.send != "" {
			_, err := c.send(t, step.send)
			must(t, err)
		}
		model, system, err := c.profile.Of(t.Context(), c.person, step.model, step.persona)
		if err != nil || model != step.wantModel || system != step.wantSystem {
			t.Errorf("after %q with %q and %q: %q, %q, %v", step.send, step.model, step.persona, model, system, err)
		}
	}
	_, err := c.send(t, "/save model big")
	must(t, err)
	c.expect(t, say{"/model", "This conversation uses the model openai:big.\n" + models})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC)
	var budgets []commands.Budget
	var bill commands.Bill
	bills := func(_ context.Context, p memory.Person, since time.Time) (commands.Bill, error) {
		if days := time.Since(since).Hours() / 24; p.SenderID != "U1" || days < 29 {
			t.Errorf("the bill of %+v since %s", p, since)
		}
		return bill, nil
	}
	c := newChat(t, commands.Options{Bills: bills, Budgets: func(_ context.Context, p memory.Person, chatID string) ([]commands.Budget, error) {
		if p.SenderID != "U1" || chatID != "C1" {
			t.Errorf("budgets of %+v in %s", p, chatID)
		}
		return budgets, nil
	}})
	c.store.used = map[string]int64{"U1": 246}
	c.expect(t, say{"/tokens", "Tokens used by you: 246\nTokens used in this conversation: 45"})
	bill = commands.Bill{Tokens: 200, Cached: new(int64(125)), Cost: new(0.0000125)}
	c.expect(t, say{"/tokens", "Tokens used by you: 246\nTokens used in this conversation: 45\n" +
		"62% of your tokens in the last 30 days came from the provider's cache.\n" +
		"Cost in the last 30 days, in the currency of the configured prices: 0.0000125"})
	bill = commands.Bill{Tokens: 200, Cached: new(int64(0)), Cost: new(0.0)}
	budgets = []commands.Budget{{Left: 754, Limit: 1000, Resets: midnight}}
	c.expect(t, say{"/tokens", "Tokens used by you: 246\nTokens used in this conversation: 45\n" +
		"Remaining budget: 754 of 1000 tokens. Resets on 2026-01-16 00:00 UTC."})
	budgets = []commands.Budget{{Limit: 100, Resets: midnight, Warning: 95}, {Chat: true, Left: 200, Limit: 500, Reserved: 70, Resets: midnight}}
	_, err := c.send(t, "/save timezone Asia/Shanghai")
	must(t, err)
	c.expect(t, say{"/tokens", "Tokens used by you: 246\nTokens used in this conversation: 45\n" +
		"Remaining budget: 0 of 100 tokens. Resets on 2026-01-16 08:00 CST. At least 95% is used.\n" +
		"Remaining budget of this chat: 200 of 500 tokens. Resets on 2026-01-16 08:00 CST. 70 more are reserved for replies in progress."})
}
