package config

import (
	"fmt"
	"slices"
	"strings"
)

// The providers of models.
const (
	ProviderOpenAI = "openai"
	ProviderEcho   = "echo"
)

// ParseModel cuts provider:model at the first colon. A bare name is OpenAI's;
// echo is the offline model. Whether there is such a provider it does not say.
func ParseModel(ref string) (provider, model string, err error) {
	if ref == ProviderEcho {
		return ProviderEcho, ProviderEcho, nil
	}
	provider, model, ok := strings.Cut(ref, ":")
	if !ok {
		provider, model = ProviderOpenAI, ref
	}
	switch {
	case strings.TrimSpace(model) == "":
		return "", "", fmt.Errorf("must name a model, such as openai:gpt-4o-mini or echo, got %s", quote(ref))
	}
	return provider, model, nil
}

// EffectiveModel returns the model that answers: the configured one, or echo
// as long as its provider has neither a key nor an address.
func (c *Config) EffectiveModel() (provider, model string) {
	provider, model, err := ParseModel(c.AI.Model)
	if err != nil {
		return ProviderEcho, ProviderEcho
	}
	if _, ok := c.Provider(provider); !ok {
		return ProviderEcho, ProviderEcho
	}
	return provider, model
}

// Sources returns the generic sources that run.
func (c *Config) Sources() []Source {
	if c.Platforms.Generic.Enabled == Off {
		return nil
	}
	return c.Platforms.Generic.Sources
}

// Warnings returns what is allowed and still probably not meant, each as one sentence.
func (c *Config) Warnings() []string {
	list := slices.Concat(c.strangers, c.mixedUp(), c.appWarnings(), c.baseWarnings(), c.toolWarnings())
	if c.AI.ConversationPersistence.Scope == "room" && len(c.Access.Admins) == 0 {
		list = append(list, "ai.conversation_persistence.scope is room and access.admins is empty: everyone in a room may reset and export its conversation and choose its model; set access.admins, unless this is intended")
	}
	if !c.AI.ConversationPersistence.Enabled {
		list = append(list, "ai.conversation_persistence.enabled is false: everything is kept in memory, and a 200 is no promise beyond this process; set it to true to use a database")
	}
	return list
}
