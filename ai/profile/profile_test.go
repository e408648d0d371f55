package profile_test

import (
	"context"
	"testing"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/memory"
)

// wishes are what one person prefers; asked counts how often somebody looked.
type wishes struct {
	of    map[string]string
	asked int
}

func (w *wishes) Preference(_ context.Context, _ memory.Person, key string) (string, bool, error) {
	w.asked++
	value, ok := w.of[key]
	return value, ok, nil
}

// A conversation's choice comes before a person's, and nobody's wish is looked up
// where there is nothing to choose.
func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	personas := map[string]string{"pirate": "Arr."}
	for name, tt := range map[string]struct {
		options        profile.Options
		model, persona string
		chosen, system string
		asked          int
	}{
		"nothing to choose":      {options: profile.Options{Models: []string{"a:1"}, DefaultModel: "a:1"}},
		"one that is no default": {options: profile.Options{Models: []string{"a:1"}, DefaultModel: "a:2"}, chosen: "a:1", asked: 1},
		"the person's":           {options: profile.Options{Models: []string{"a:1", "a:2"}, DefaultModel: "a:2", Personas: personas}, chosen: "a:1", system: "Arr.", asked: 2},
		"the conversation's": {
			options: profile.Options{Models: []string{"a:1", "a:2"}, DefaultModel: "a:1", Personas: personas}, model: "a:2", persona: "pirate",
			chosen: "a:2", system: "Arr.",
		},
		"one that is no more": {options: profile.Options{Models: []string{"a:1", "a:2"}, DefaultModel: "a:2"}, model: "a:3", chosen: "a:1", asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wishes{of: map[string]string{"model": "a:1", "persona": "pirate"}}
			tt.options.Preferences = w
			chosen, system, err := profile.New(tt.options).Of(t.Context(), memory.Person{}, tt.model, tt.persona)
			if err != nil || chosen != tt.chosen || system != tt.system || w.asked != tt.asked {
				t.Errorf("%q, %q, asked %d times, %v", chosen, system, w.asked, err)
			}
		})
	}
}
