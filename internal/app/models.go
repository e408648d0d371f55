package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/metrics"
)

// newAssistant returns nil when the AI is switched off.
func newAssistant(cfg *config.Config, counter ai.TokenCounter, circuits *breaker.Set, m *metrics.Metrics, log *slog.Logger) (*ai.Assistant, error) {
	if !cfg.AI.Enabled {
		return nil, nil //nolint:nilnil // no assistant is not an error
	}
	models := newModels(cfg, counter, log)
	provider, name := cfg.EffectiveModel()
	o := ai.Options{
		Primary:      models.endpoint(provider, name),
		SystemPrompt: cfg.AI.SystemPrompt, ContextTokens: cfg.AI.ContextTokens, Timeout: cfg.AI.Timeout,
		MaxTokens: cfg.AI.MaxOutputTokens,
		Circuits:  circuits, Counter: counter, Metrics: m, Logger: log,
	}
	var err error
	if o.Fallbacks, err = models.endpoints(cfg.AI.FallbackModels); err != nil {
		return nil, fmt.Errorf("ai.fallback_models: %w", err)
	}
	if o.Choices, err = models.endpoints(cfg.AI.Models); err != nil {
		return nil, fmt.Errorf("ai.models: %w", err)
	}
	return ai.NewAssistant(o), nil
}

// models holds one client for each provider.
type models struct {
	openai ai.Model // nil without key and address
	echo   ai.Model
}

func newModels(cfg *config.Config, counter ai.TokenCounter, log *slog.Logger) models {
	m := models{echo: ai.NewEcho(counter)}
	if cfg.AI.APIKey == "" && cfg.AI.BaseURL == "" {
		return m
	}
	m.openai = openai.New(openai.Options{
		BaseURL: string(cfg.AI.BaseURL), APIKey: cfg.AI.APIKey.Reveal(), Stream: cfg.AI.Stream,
		HTTPClient: httpClient(0), Logger: log, // the assistant ends a call that gives no sign
	})
	return m
}

func (m models) endpoint(provider, name string) ai.Endpoint {
	if provider == config.ProviderEcho || m.openai == nil {
		return ai.Endpoint{Name: config.ProviderEcho, Model: m.echo, ModelName: ai.EchoModel}
	}
	return ai.Endpoint{Name: provider + ":" + name, Model: m.openai, ModelName: name}
}

func (m models) endpoints(refs []string) ([]ai.Endpoint, error) {
	var list []ai.Endpoint
	for _, ref := range refs {
		provider, name, err := config.ParseModel(ref)
		if err != nil {
			return nil, err
		}
		list = append(list, m.endpoint(provider, name))
	}
	return list, nil
}

// httpClient returns a client of our own: limits on every phase, connections
// enough for many conversations with one host. timeout 0 means that the
// request's context ends it.
func httpClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		// A redirect would take tokens and replies where nobody sent them.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		},
	}
}
