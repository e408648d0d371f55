package commands

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// choices are what a conversation may choose from.
type choices struct {
	defaultModel string
	models       []string
	personas     map[string]string
}

// model returns the allowed model that name means: all of it, or what stands
// after "provider:". "" when there is none.
func (o choices) model(name string) string {
	for _, full := range o.models {
		_, short, _ := strings.Cut(full, ":")
		if name != "" && (strings.EqualFold(name, full) || strings.EqualFold(name, short)) {
			return full
		}
	}
	return ""
}

// persona returns the persona that name means, "" when there is none.
func (o choices) persona(name string) string {
	if _, ok := o.personas[name]; ok {
		return name
	}
	for _, one := range o.personaNames() {
		if strings.EqualFold(one, name) {
			return one
		}
	}
	return ""
}

func (o choices) personaNames() []string { return slices.Sorted(maps.Keys(o.personas)) }

// Choose returns the model to ask and the system prompt to give it: those that
// the conversation has chosen, else those that the person prefers, as far as
// they are allowed. "" = the configured one.
func (r *Registry) Choose(ctx context.Context, p memory.Person, model, persona string) (chosen, system string, err error) {
	model, persona = r.choices.model(model), r.choices.persona(persona)
	if model == "" && len(r.choices.models) > 0 {
		if model, err = r.preferred(ctx, p, "model", r.choices.model); err != nil {
			return "", "", err
		}
	}
	if persona == "" && len(r.choices.personas) > 0 {
		if persona, err = r.preferred(ctx, p, "persona", r.choices.persona); err != nil {
			return "", "", err
		}
	}
	return model, r.choices.personas[persona], nil
}

func (r *Registry) preferred(ctx context.Context, p memory.Person, key string, allowed func(string) string) (string, error) {
	name, _, err := r.memory.Preference(ctx, p, key)
	return allowed(name), err
}

// unset is what takes a choice back.
const unset = "default"

// model shows or sets the model of this conversation.
func model(r *Registry, store Store) Command {
	return Command{
		Name: "model", Usage: "[name]", Allowed: Call.rules,
		Run: func(ctx context.Context, c Call) (Answer, error) {
			return choose(c, r.choices.models, r.choices.model, store.SetModelTx, func() (string, error) {
				preferred, err := r.preferred(ctx, c.Person, "model", r.choices.model)
				return cmp.Or(r.choices.model(c.Model), preferred, r.choices.defaultModel), err
			})
		},
	}
}

// persona shows or sets the persona of this conversation.
func persona(r *Registry, store Store) Command {
	return Command{
		Name: "persona", Usage: "[name]", Allowed: Call.rules,
		Run: func(ctx context.Context, c Call) (Answer, error) {
			return choose(c, r.choices.personaNames(), r.choices.persona, store.SetPersonaTx, func() (string, error) {
				preferred, err := r.preferred(ctx, c.Person, "persona", r.choices.persona)
				return cmp.Or(r.choices.persona(c.Persona), preferred, unset), err
			})
		},
	}
}

// choose shows or sets one thing that a conversation may choose. The texts are
// the command's own: NAME.now, NAME.set, NAME.unset, NAME.wrong, NAME.none.
func choose(c Call, all []string, allowed func(string) string,
	set func(ctx context.Context, tx database.Tx, id int64, value string) error, now func() (string, error),
) (Answer, error) {
	text := func(key string) string { return c.command.Name + "." + key }
	list := strings.Join(all, ", ")
	if c.Rest == "" {
		current, err := now()
		if err != nil {
			return Answer{}, err
		}
		if current == "" { // no AI, so no model
			return Answer{Text: c.available(list)}, nil
		}
		return Answer{Text: c.Say(text("now"), current) + "\n" + c.available(list)}, nil
	}
	name := unquoted(c.Rest)
	value := allowed(name)
	answer := Answer{Text: c.Say(text("set"), value)}
	switch {
	case value == "" && !strings.EqualFold(name, unset):
		return Answer{Text: c.Say(text("wrong"), name) + "\n" + c.available(list)}, nil
	case value == "":
		answer.Text = c.Say(text("unset"))
	}
	answer.Apply = func(ctx context.Context, tx database.Tx, id int64) (string, error) {
		return "", set(ctx, tx, id, value)
	}
	return answer, nil
}

// available says what there is to choose from.
func (c Call) available(list string) string {
	if list == "" {
		return c.Say(c.command.Name + ".none")
	}
	return c.Say("available", list, c.Prefix, c.command.Name)
}
