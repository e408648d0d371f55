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
// echo is the offline model.
func ParseModel(ref string) (provider, model string, err error) {
	if ref == ProviderEcho {
		return ProviderEcho, ProviderEcho, nil
	}
	provider, model, ok := strings.Cut(ref, ":")
	if !ok {
		provider, model = ProviderOpenAI, ref
	}
	switch {
	case provider != ProviderOpenAI && provider != ProviderEcho:
		return "", "", fmt.Errorf("unknown provider %s; known are openai and echo, and a name that has a colon itself is written openai:%s", quote(provider), ref)
	case strings.TrimSpace(model) == "":
		return "", "", fmt.Errorf("must name a model, such as openai:gpt-4o-mini or echo, got %s", quote(ref))
	}
	return provider, model, nil
}

// EffectiveModel returns the model that answers: the configured one, or echo
// as long as there is neither a key nor an API address.
func (c *Config) EffectiveModel() (provider, model string) {
	provider, model, err := ParseModel(c.AI.Model)
	if err != nil || c.AI.APIKey == "" && c.AI.BaseURL == "" {
		return ProviderEcho, ProviderEcho
	}
	return provider, model
}

// SlackOn reports whether the Slack platform runs.
func (c *Config) SlackOn() bool {
	s := &c.Platforms.Slack
	return s.Enabled != Off && s.SigningSecret != "" && s.BotToken != ""
}

// FeishuOn reports whether the Feishu platform runs: with its app and the key
// that its events are checked with.
func (c *Config) FeishuOn() bool {
	f := &c.Platforms.Feishu
	return f.Enabled != Off && f.AppID != "" && f.AppSecret != "" && f.EncryptKey != ""
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
	list := slices.Clone(c.strangers)
	p := &c.Platforms
	if p.Slack.Enabled == Auto && (p.Slack.SigningSecret == "") != (p.Slack.BotToken == "") {
		list = append(list, "slack is off: it needs both platforms.slack.signing_secret and bot_token, and only one is set")
	}
	f := &p.Feishu
	if f.Enabled == Auto && (f.AppID != "" || f.AppSecret != "") && !c.FeishuOn() {
		list = append(list, "feishu is off: it needs platforms.feishu.app_id, app_secret and encrypt_key, and not all are set")
	}
	if c.AI.ConversationPersistence.Scope == "room" && len(c.Access.Admins) == 0 {
		list = append(list, "ai.conversation_persistence.scope is room and access.admins is empty: everybody in a room may reset and export its conversation and choose its model")
	}
	if !c.AI.ConversationPersistence.Enabled {
		list = append(list, "ai.conversation_persistence.enabled is false: everything is kept in memory, and a 200 is no promise beyond this process")
	}
	return list
}
