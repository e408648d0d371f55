package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Provider is an endpoint with models.
type Provider struct {
	// Base URL of its API. Empty: that of the known provider with this name.
	BaseURL URL `yaml:"base_url"`
	// API key.
	APIKey Secret `yaml:"api_key"`
	// chat: chat completions; responses: OpenAI's Responses API.
	API string `yaml:"api" jsonschema:"enum=chat,enum=responses"`
	// Sent with each request, such as api-key: KEY.
	Headers map[string]Secret `yaml:"headers"`
	// Added to each address, such as api-version: 2025-04-01-preview.
	Query map[string]Secret `yaml:"query"`
	// Added to the body of each request.
	ExtraBody map[string]any `yaml:"extra_body"`
	// Parameters to leave out because the endpoint refuses them, such as user.
	Drop []string `yaml:"drop" jsonschema:"minLength=1"`
}

// ModelInfo is what is known of a model. What is not set is as built in.
type ModelInfo struct {
	// Context window: tokens of prompt and reply together; 0 = the built-in value, or unknown.
	Context int64 `yaml:"context" jsonschema:"minimum=0"`
	// Tokens that a reply may have; 0 = the built-in value, or unknown.
	MaxOutput int64 `yaml:"max_output" jsonschema:"minimum=0"`
	// Whether it accepts images.
	Vision *bool `yaml:"vision"`
	// Whether it can use tools.
	Tools *bool `yaml:"tools"`
	// Reasoning effort: none, low, medium, high, or another value that it knows.
	Effort string `yaml:"effort"`
	// Prices per million tokens; all 0 = free.
	Price *Price `yaml:"price"`
}

// Price is what a million tokens cost, in whatever currency the provider takes.
type Price struct {
	// Prompt tokens.
	Input float64 `yaml:"input" jsonschema:"minimum=0"`
	// Prompt tokens read from the provider's cache.
	Cached float64 `yaml:"cached" jsonschema:"minimum=0"`
	// Prompt tokens written to the provider's cache; 0 = as input.
	Written float64 `yaml:"written" jsonschema:"minimum=0"`
	// Tokens of the reply, including thinking.
	Output float64 `yaml:"output" jsonschema:"minimum=0"`
}

// KnownProvider is a provider whose name is enough.
type KnownProvider struct {
	BaseURL URL
	Docs    string // its page on how it is called
}

// KnownProviders returns them by name.
func KnownProviders() map[string]KnownProvider {
	return map[string]KnownProvider{
		ProviderOpenAI: {"https://api.openai.com/v1", "https://platform.openai.com/docs/api-reference"},
		"anthropic":    {"https://api.anthropic.com/v1", "https://docs.anthropic.com/en/api/openai-sdk"},
		"deepseek":     {"https://api.deepseek.com", "https://api-docs.deepseek.com"},
		"gemini":       {"https://generativelanguage.googleapis.com/v1beta/openai", "https://ai.google.dev/gemini-api/docs/openai"},
		"groq":         {"https://api.groq.com/openai/v1", "https://console.groq.com/docs/openai"},
		"kimi":         {"https://api.moonshot.ai/v1", "https://platform.moonshot.ai/docs"},
		"lmstudio":     {"http://127.0.0.1:1234/v1", "https://lmstudio.ai/docs/app/api/endpoints/openai"},
		"mistral":      {"https://api.mistral.ai/v1", "https://docs.mistral.ai/api"},
		"moonshot":     {"https://api.moonshot.cn/v1", "https://platform.moonshot.cn/docs"}, // kimi within China
		"ollama":       {"http://127.0.0.1:11434/v1", "https://github.com/ollama/ollama/blob/main/docs/openai.md"},
		"openrouter":   {"https://openrouter.ai/api/v1", "https://openrouter.ai/docs"},
		"qwen":         {"https://dashscope.aliyuncs.com/compatible-mode/v1", "https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope"},
		"xai":          {"https://api.x.ai/v1", "https://docs.x.ai/docs/api-reference"},
		"zhipu":        {"https://open.bigmodel.cn/api/paas/v4", "https://docs.bigmodel.cn"},
	}
}

// OwnAddress reports whether models are called there by their makers, who have made
// their prices known.
func OwnAddress(base URL) bool {
	makers := []string{ProviderOpenAI, "anthropic", "deepseek", "gemini", "kimi"}
	return slices.ContainsFunc(makers, func(name string) bool { return KnownProviders()[name].BaseURL == base })
}

// Provider returns the endpoint of that name, with its address; ok is false for
// one that is not configured. openai is configured by ai.base_url or ai.api_key.
func (c *Config) Provider(name string) (p Provider, ok bool) {
	p, ok = c.AI.Providers[name]
	if name == ProviderOpenAI {
		p.BaseURL, p.APIKey = cmp.Or(c.AI.BaseURL, p.BaseURL), cmp.Or(c.AI.APIKey, p.APIKey)
		ok = p.BaseURL != "" || p.APIKey != "" || len(p.Headers) > 0
	}
	p.BaseURL, p.API = cmp.Or(URL(strings.TrimRight(string(p.BaseURL), "/")), KnownProviders()[name].BaseURL), cmp.Or(p.API, "chat")
	return p, ok
}

// baseWarnings name what was copied along with the addresses of models.
func (c *Config) baseWarnings() []string {
	addresses := map[string]URL{"ai.base_url": c.AI.BaseURL}
	for name := range c.AI.Providers {
		addresses[providersKey+"."+name+".base_url"] = c.AI.Providers[name].BaseURL
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(addresses)) {
		path, _, _ := strings.Cut(string(addresses[key]), "?")
		for _, method := range []string{"/chat/completions", "/completions", "/responses", "/models"} {
			if strings.HasSuffix(strings.TrimRight(path, "/"), method) {
				list = append(list, fmt.Sprintf("%s ends in %s, which is ignored; set it to the base URL of the API", key, method))
				break
			}
		}
	}
	return list
}

// modelRefs returns every key that names a model, with the models.
func (c *Config) modelRefs() map[string][]string {
	refs := map[string][]string{
		"ai.model": {c.AI.Model}, "ai.fallback_models": c.AI.FallbackModels, "ai.models": c.AI.Models,
	}
	if c.AI.SmallModel != "" {
		refs["ai.small_model"] = []string{c.AI.SmallModel}
	}
	if c.AI.Transcription != "" {
		refs["ai.transcription"] = []string{c.AI.Transcription}
	}
	return refs
}

var providerName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkModels holds the models to the providers that there are.
func (l *loader) checkModels() {
	names := []string{ProviderEcho, ProviderOpenAI}
	for name := range l.config.AI.Providers {
		names = append(names, name)
		if !providerName.MatchString(name) || name == ProviderEcho {
			l.wrong("ai.providers."+name, "a provider's name may have letters, digits, - and _, and must not be echo")
		} else if l.config.AI.Providers[name].BaseURL == "" && KnownProviders()[name].BaseURL == "" {
			l.wrong("ai.providers."+name, "needs a base_url, because its name is not one of %s", strings.Join(slices.Sorted(maps.Keys(KnownProviders())), ", "))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for key, refs := range l.config.modelRefs() {
		for _, ref := range refs {
			provider, _, err := ParseModel(ref)
			if err == nil && !slices.Contains(names, provider) {
				l.wrong(key, "unknown provider %s; known are %s. If the model's own name has a colon, write openai:%s",
					quote(provider), strings.Join(names, " and "), ref)
			}
		}
	}
}
