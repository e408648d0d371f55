package app

import (
	"context"
	"slices"
	"time"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// profile returns what conversations may choose from.
func (c *core) profile(cfg *config.Config) *profile.Profile {
	o := profile.Options{Preferences: c.memory, Personas: cfg.AI.Personas}
	if cfg.AI.Enabled {
		o.DefaultModel, o.Models = chatModels(cfg)
	}
	return profile.New(o)
}

// registry returns the chat commands.
func (c *core) registry(cfg *config.Config, p *profile.Profile) *commands.Registry {
	return commands.New(commands.Options{
		Prefix: cfg.Commands.Prefix, Language: commands.Language(cfg.Commands.Language),
		Store: c.store, Memory: c.memory, Eraser: c.eraser, Profile: p, MaxAnswer: int(cfg.Gateway.MaxReply),
		Budgets: c.budgetsOf, Spent: c.usage, Bills: c.billOf, Admins: admins(cfg),
	})
}

func (c *core) budgetsOf(ctx context.Context, p memory.Person, chatID string) ([]commands.Budget, error) {
	states, err := c.budget.Of(ctx, budget.Payer{Person: p, ChatID: chatID})
	list := make([]commands.Budget, len(states))
	for i := range states {
		s := &states[i]
		list[i] = commands.Budget{Chat: s.Scope == budget.Chat, Left: s.Left(), Limit: s.Limit, Reserved: s.Reserved, Resets: s.Resets, Warning: s.Warning()}
	}
	return list, err
}

func (c *core) billOf(ctx context.Context, p memory.Person, since time.Time) (commands.Bill, error) {
	b, err := c.usage.BillOf(ctx, p, since)
	return commands.Bill(b), err
}

// admins returns who may do what is for admins in a chat, nil when nobody is named.
func admins(cfg *config.Config) func(memory.Person) bool {
	all := cfg.Admins()
	if len(all) == 0 {
		return nil
	}
	return func(p memory.Person) bool {
		return slices.ContainsFunc(all, func(a config.Admin) bool {
			return a.Platform == p.Platform && a.UserID == p.SenderID && (a.Tenant == "*" || a.Tenant == p.Tenant)
		})
	}
}

// adminOf returns whether who has sent an event may do what is for admins.
func adminOf(cfg *config.Config) func(*platforms.Event) bool {
	named := admins(cfg)
	return func(e *platforms.Event) bool {
		return named != nil && named(memory.Person{Tenant: e.Tenant, Platform: e.Platform, SenderID: e.SenderID})
	}
}

// voice returns who tells people and programs what became of their message. It
// does without a preference that cannot be read.
func voice(r *commands.Registry) func(context.Context, *platforms.Event) sentences.Voice {
	return func(ctx context.Context, e *platforms.Event) sentences.Voice {
		v, _ := r.Voice(ctx, memory.Person{Tenant: e.Tenant, Platform: e.Platform, SenderID: e.SenderID}, func() string { return e.Locale })
		return v
	}
}

// chatModels returns the name of the model that answers unless somebody
// chooses, and of those that may be chosen.
func chatModels(cfg *config.Config) (configured string, all []string) {
	configured = modelName(cfg.EffectiveModel())
	refs := cfg.AI.Models
	if len(refs) == 0 {
		all, refs = []string{configured}, cfg.AI.FallbackModels
	}
	for _, ref := range refs {
		provider, name, err := config.ParseModel(ref)
		if err != nil { // refused when the configuration was read
			continue
		}
		if full := modelName(provider, name); !slices.Contains(all, full) {
			all = append(all, full)
		}
	}
	return configured, all
}

// modelName returns a model's name as endpoints have it.
func modelName(provider, name string) string {
	if provider == config.ProviderEcho {
		return config.ProviderEcho
	}
	return provider + ":" + name
}
