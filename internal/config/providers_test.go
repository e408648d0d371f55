package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestProviders(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
ai:
  model: azure:gpt
  fallback_models: [deepseek:deepseek-chat, "ollama:qwen3:8b"]
  providers:
    azure:
      base_url: https://r.openai.azure.com/openai/v1/
      headers: {api-key: "${AZ}"}
      query: {api-version: "2025-04-01"}
      extra_body: {n: 1, f: 0.5, on: true, list: [a, 2], deep: {x: 1}}
      drop: [user, stream_options]
    deepseek:
    ollama: {base_url: "http://127.0.0.1:11434/v1"}
  models_info:
    "ollama:qwen3:8b": {context: 32768, tools: false, price: {input: 0.1, cached: 0}}
    azure:gpt: {max_output: 100}
`, "AZ=geheim", "PARLEY_AI__PROVIDERS__DEEPSEEK__API_KEY=sk-deep", "PARLEY_AI__PROVIDERS__GROQ__API_KEY=sk-groq")
	azure, ok := c.Provider("azure")
	if !ok || azure.BaseURL != "https://r.openai.azure.com/openai/v1" || azure.API != "chat" ||
		azure.Headers["api-key"] != "geheim" || azure.Query["api-version"] != "2025-04-01" || len(azure.Drop) != 2 {
		t.Errorf("azure: %+v, %v", azure, ok)
	}
	want := map[string]any{"n": int64(1), "f": 0.5, "on": true, "list": []any{"a", int64(2)}, "deep": map[string]any{"x": int64(1)}}
	if !reflect.DeepEqual(azure.ExtraBody, want) {
		t.Errorf("extra_body: %#v", azure.ExtraBody)
	}
	if p, ok := c.Provider("deepseek"); !ok || p.BaseURL != "https://api.deepseek.com" || p.APIKey != "sk-deep" {
		t.Errorf("deepseek: %+v, %v", p, ok)
	}
	if p, ok := c.Provider("groq"); !ok || p.APIKey != "sk-groq" {
		t.Errorf("only in the environment: %+v, %v", p, ok)
	}
	if p, m := c.EffectiveModel(); p != "azure" || m != "gpt" {
		t.Errorf("%s:%s answers", p, m)
	}
	info := c.AI.ModelsInfo["ollama:qwen3:8b"]
	if info.Context != 32768 || info.Tools == nil || *info.Tools || info.Price == nil || info.Price.Input != 0.1 {
		t.Errorf("%+v", info)
	}
	if other := c.AI.ModelsInfo["azure:gpt"]; other.Price != nil || other.Tools != nil {
		t.Errorf("what is not set is set: %+v", other)
	}
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil || strings.Contains(printed.String(), "geheim") || strings.Contains(printed.String(), "sk-") {
		t.Errorf("%v: a secret is printed:\n%s", err, printed.String())
	}
}

// Case 51: what was copied along with a base URL is named at start.
func TestCase51BaseURLIsNamed(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `ai: {base_url: "https://x.test/v1/chat/completions?a=b", providers: {mine: {base_url: "https://y.test/v1/responses/"}}}`)
	got := strings.Join(c.Warnings(), "\n")
	for _, want := range []string{"ai.base_url ends in /chat/completions,", "ai.providers.mine.base_url ends in /responses,"} {
		if !strings.Contains(got, want) {
			t.Errorf("warnings are %q, want one with %q", got, want)
		}
	}
}

func TestProviderFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`ai: {providers: {mine: {api_key: x}}}`:                                   "ai.providers.mine: needs a base_url",
		`ai: {providers: {"a b": {base_url: "http://x"}}}`:                        "a provider's name may have letters",
		`ai: {providers: {mine: {base_url: "http://x", heders: {}}}}`:             "ai.providers.mine.heders: unknown key; did you mean headers?",
		`ai: {providers: {mine: {base_url: "http://x", api: soap}}}`:              "one of chat, responses",
		`ai: {fallback_models: ["other:model"]}`:                                  `unknown provider "other"`,
		`ai: {models_info: {"a:b": {price: {input: cheap}}}}`:                     "must be a number",
		`ai: {models_info: {"a:b": {price: {input: -1}}}}`:                        "at least 0",
		`ai: {providers: {mine: {base_url: "http://x", headers: {X-A: [1, 2]}}}}`: "must be text",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something with %q", text, err, want)
		}
	}
}
