package app

import (
	"cmp"
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
	"github.com/parley-bot/parley/platforms/call"
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
		MaxTokens: cfg.AI.MaxOutputTokens, Info: modelInfo(cfg),
		Circuits: circuits, Counter: counter, Metrics: m, Logger: log,
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

// newTranscriber returns nil where nothing is configured to write recordings down.
func newTranscriber(cfg *config.Config, counter ai.TokenCounter, circuits *breaker.Set, log *slog.Logger) (*ai.Transcriber, error) {
	if cfg.AI.Transcription == "" {
		return nil, nil //nolint:nilnil // no transcriber is not an error
	}
	provider, name, err := config.ParseModel(cfg.AI.Transcription)
	if err != nil {
		return nil, fmt.Errorf("ai.transcription: %w", err)
	}
	listener, ok := newModels(cfg, counter, log).client(provider).(ai.Listener)
	if !ok {
		return nil, fmt.Errorf("ai.transcription: %s writes nothing down", provider)
	}
	return &ai.Transcriber{
		Name: provider + ":" + name, Model: name, Listener: listener, Info: modelInfo(cfg),
		Counter: counter, Circuits: circuits, Logger: log, Timeout: cfg.AI.Timeout,
	}, nil
}

// modelInfo returns what is known of the model at an endpoint: as configured, else
// as built in. A built-in price is that of the model's maker.
func modelInfo(cfg *config.Config) func(endpoint string) ai.ModelInfo {
	return func(endpoint string) ai.ModelInfo {
		provider, name, err := config.ParseModel(endpoint)
		if err != nil {
			return ai.ModelInfo{}
		}
		info := ai.KnownModel(name)
		if p, _ := cfg.Provider(provider); provider != config.ProviderEcho && !config.OwnAddress(p.BaseURL) {
			info.Price = nil
		}
		own := cfg.AI.ModelsInfo[endpoint]
		info.Context, info.MaxOutput = cmp.Or(own.Context, info.Context), cmp.Or(own.MaxOutput, info.MaxOutput)
		info.Effort = cmp.Or(own.Effort, info.Effort)
		if own.Vision != nil {
			info.Vision = *own.Vision
		}
		if own.Tools != nil {
			info.NoTools = !*own.Tools
		}
		if own.Price != nil {
			info.Price = new(ai.Price(*own.Price))
		}
		return info
	}
}

// models holds one client for each provider.
type models struct {
	cfg     *config.Config
	log     *slog.Logger
	clients map[string]ai.Model
	echo    ai.Model
}

func newModels(cfg *config.Config, counter ai.TokenCounter, log *slog.Logger) models {
	return models{cfg: cfg, log: log, clients: map[string]ai.Model{}, echo: ai.NewEcho(counter)}
}

// client returns the client of a provider, nil for one that is not configured.
func (m models) client(provider string) ai.Model {
	p, ok := m.cfg.Provider(provider)
	if c := m.clients[provider]; c != nil || !ok {
		return c
	}
	c := NewModelClient(provider, p, m.cfg.AI.Stream, m.log)
	m.clients[provider] = c
	return c
}

// NewModelClient returns the client of a provider, as serve uses it.
func NewModelClient(name string, p config.Provider, stream bool, log *slog.Logger) *openai.Client {
	return openai.New(openai.Options{
		Name: name, BaseURL: string(p.BaseURL), APIKey: p.APIKey.Reveal(), Stream: stream,
		Headers: revealed(p.Headers), Query: revealed(p.Query), ExtraBody: p.ExtraBody, Drop: p.Drop, Responses: p.API == "responses",
		HTTPClient: httpClient(0), Logger: log, // the assistant ends a call that gives no sign
	})
}

func revealed(secrets map[string]config.Secret) map[string]string {
	plain := map[string]string{}
	for name, s := range secrets {
		plain[name] = s.Reveal()
	}
	return plain
}

func (m models) endpoint(provider, name string) ai.Endpoint {
	client := m.client(provider)
	if provider == config.ProviderEcho || client == nil {
		return ai.Endpoint{Name: config.ProviderEcho, Model: m.echo, ModelName: ai.EchoModel}
	}
	return ai.Endpoint{Name: provider + ":" + name, Model: client, ModelName: name}
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
	return call.Client(&http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		},
	}, timeout)
}
