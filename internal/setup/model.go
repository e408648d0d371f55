package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/failure"
)

const (
	defaultModel = "gpt-4o-mini" // of OpenAI
	// azure has an address for each of its customers.
	azure     = "azure"
	azureURL  = "https://RESOURCE.openai.azure.com/openai/v1"
	azureDocs = "https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle"
	// maxOffered is how many of an endpoint's models are named.
	maxOffered = 12
)

func setupModel(ctx context.Context, o Options) error {
	m := &modelSetup{Options: o}
	names := strings.Join(slices.Sorted(maps.Keys(config.KnownProviders())), ", ")
	o.Terminal.Say("Enter a provider's name (%s, %s), or the base URL of any other OpenAI-compatible API. Empty: %s", azure, names, config.ProviderOpenAI)
	for _, step := range []func(context.Context) error{m.askBase, m.askKey, m.askModel} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	dir, err := keep(o.Config, map[string]string{
		"OPENAI_BASE_URL": m.base, "OPENAI_API_KEY": m.key, "PARLEY_AI_MODEL": config.ProviderOpenAI + ":" + m.model,
	})
	if err != nil {
		return err
	}
	o.Terminal.Say("%s answers. The settings are stored in %s.", m.model, dir)
	o.Terminal.Say("Next: run parley chat or parley serve.")
	return nil
}

type modelSetup struct {
	Options

	base, docs, key, model string
	offered                []string // models
}

func (m *modelSetup) askBase(ctx context.Context) error {
	const remedy = "Enter a provider's name, or the base URL of its API, such as https://api.openai.com/v1."
	_, err := m.untilGood(ctx, "base URL", remedy, m.Terminal.Ask, func(said string) error {
		if err := m.take(cmp.Or(said, config.ProviderOpenAI)); err != nil {
			return err
		}
		err := m.list(ctx)
		if refused(err) || failure.CodeOf(err) == ai.CodeModelNotFound { // somebody is there
			return nil
		}
		return err
	})
	if err == nil && m.docs != "" {
		m.Terminal.Say("Using %s. For API keys and model names, see %s", m.base, m.docs)
	}
	return err
}

// take makes an address of what was said.
func (m *modelSetup) take(said string) error {
	name := strings.ToLower(said)
	if name == azure {
		return fmt.Errorf("your base URL contains the name of your resource: %s (%s)", azureURL, azureDocs)
	}
	m.base, m.docs = strings.TrimRight(said, "/"), ""
	if known, ok := config.KnownProviders()[name]; ok {
		m.base, m.docs = string(known.BaseURL), known.Docs
	}
	return config.CheckURL(m.base)
}

func (m *modelSetup) askKey(ctx context.Context) error {
	remedy := strings.TrimRight("Create one on the provider's website. "+m.docs, " ")
	_, err := m.untilGood(ctx, "API key", remedy, m.Terminal.Secret, func(key string) error {
		m.key = key
		if err := m.list(ctx); refused(err) {
			return err
		}
		return nil
	})
	return err
}

// askModel calls the model once, for a token.
func (m *modelSetup) askModel(ctx context.Context) error {
	usual := m.usual()
	if usual != "" {
		m.Terminal.Say("Empty: %s", usual)
	}
	_, err := m.untilGood(ctx, "model", "Enter its name as the provider writes it.", m.Terminal.Ask, func(model string) error {
		m.model = strings.TrimPrefix(cmp.Or(model, usual), config.ProviderOpenAI+":")
		if m.model == "" {
			return errEmpty
		}
		_, err := app.NewModelClient(config.ProviderOpenAI, m.provider(), false, m.Logger).Generate(ctx, ai.Request{
			Model: m.model, MaxTokens: 16, Messages: []conversation.Message{{Role: conversation.RoleUser, Content: "Say OK."}},
		}, nil)
		return plainly(err)
	})
	return err
}

// usual returns the model that is taken when none is named, and says which there
// are where it cannot be guessed.
func (m *modelSetup) usual() string {
	switch {
	case m.base == string(config.KnownProviders()[config.ProviderOpenAI].BaseURL):
		return defaultModel
	case len(m.offered) == 1:
		return m.offered[0]
	case len(m.offered) > 0:
		m.Terminal.Say("Available: %s", strings.Join(m.offered[:min(len(m.offered), maxOffered)], ", "))
	}
	return ""
}

func (m *modelSetup) provider() config.Provider {
	return config.Provider{BaseURL: config.URL(m.base), APIKey: config.Secret(m.key)}
}

// list asks for the endpoint's models, which shows what it thinks of the key.
func (m *modelSetup) list(ctx context.Context) (err error) {
	m.offered, err = app.NewModelClient(config.ProviderOpenAI, m.provider(), false, m.Logger).Models(ctx)
	return plainly(err)
}

// refused reports whether whoever is there wants another key.
func refused(err error) bool {
	code := failure.CodeOf(err)
	return code == ai.CodeInvalidAPIKey || code == ai.CodeForbidden
}

// plainly leaves of an error what a person at the terminal needs.
func plainly(err error) error {
	e, ok := errors.AsType[*failure.Error](err)
	if !ok || e.Err == nil {
		return err
	}
	return failure.New(e.Kind, e.Code, "", e.Err)
}
