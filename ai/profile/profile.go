// Package profile says with which model and as which persona a conversation is
// answered: by its own choice, else by the person's preference, else as configured.
package profile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/memory"
)

// Preferences are where people's preferences are kept.
type Preferences interface {
	Preference(ctx context.Context, p memory.Person, key string) (value string, found bool, err error)
}

// Options are what there is to choose from.
type Options struct {
	Preferences  Preferences
	DefaultModel string            // as in Models, or what else is used unless somebody chooses
	Models       []string          // each provider:name
	Personas     map[string]string // name → system prompt
}

// Profile is what conversations are answered with.
type Profile struct {
	Model, Persona Choice
	prompts        map[string]string
}

// New returns the profile of these options.
func New(o Options) *Profile {
	return &Profile{
		Model:   Choice{Key: "model", Names: o.Models, Default: o.DefaultModel, people: o.Preferences},
		Persona: Choice{Key: "persona", Names: slices.Sorted(maps.Keys(o.Personas)), Default: Unset, people: o.Preferences},
		prompts: o.Personas,
	}
}

// Of returns the model to ask and the system prompt to give it, for a person in
// a conversation that has chosen a model and a persona or not (""). "" = the
// configured one.
func (p *Profile) Of(ctx context.Context, who memory.Person, model, persona string) (chosen, system string, err error) {
	if chosen, err = p.Model.Of(ctx, who, model); err != nil {
		return "", "", err
	}
	if persona, err = p.Persona.Of(ctx, who, persona); err != nil {
		return "", "", err
	}
	return chosen, p.prompts[persona], nil
}

// Unset is the name that takes a choice back.
const Unset = "default"

// Choice is one thing that a conversation or a person may choose.
type Choice struct {
	Key     string   // of the preference and the command: "model"
	Names   []string // what may be chosen
	Default string   // what is used unless somebody chooses
	people  Preferences
}

// Allowed returns the name that may be chosen and that a person means: all of
// it, or what stands after "provider:". "" when there is none.
func (c *Choice) Allowed(name string) string {
	if name == "" || slices.Contains(c.Names, name) {
		return name
	}
	for _, full := range c.Names {
		_, short, _ := strings.Cut(full, ":")
		if strings.EqualFold(name, full) || strings.EqualFold(name, short) {
			return full
		}
	}
	return ""
}

// Of returns what the conversation has chosen, else what the person prefers, as
// far as it is allowed; "" = the configured one.
func (c *Choice) Of(ctx context.Context, who memory.Person, chosen string) (string, error) {
	if name := c.Allowed(chosen); name != "" || slices.Equal(c.Names, []string{c.Default}) || len(c.Names) == 0 {
		return name, nil
	}
	preferred, _, err := c.people.Preference(ctx, who, c.Key)
	if err != nil {
		return "", fmt.Errorf("preferred %s: %w", c.Key, err)
	}
	return c.Allowed(preferred), nil
}
