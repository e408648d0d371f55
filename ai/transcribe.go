package ai

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
)

// Recording is something that somebody has said.
type Recording struct {
	Name string // whose ending names the format
	Data []byte
}

// Listener is a model that writes down what is said. The error carries a kind.
type Listener interface {
	Transcribe(ctx context.Context, model string, r Recording) (Heard, error)
}

// Heard is what a [Listener] has heard.
type Heard struct {
	Text    string
	Seconds float64 // as the provider reports; 0 = it does not
	Usage
}

// Transcriber has recordings written down, and accounts for it.
type Transcriber struct {
	Name     string // provider:model
	Model    string // the provider's name of the model
	Listener Listener
	Info     func(endpoint string) ModelInfo
	Counter  TokenCounter
	Circuits *breaker.Set // nil = every call is made
	Logger   *slog.Logger
	Timeout  time.Duration
}

const (
	// A second of speech takes about ten tokens at OpenAI, and some 2 KB as phones
	// record it; both are for endpoints that report nothing.
	tokensPerSecond = 10
	bytesPerSecond  = 2000
)

// Estimate returns about how many tokens a recording takes.
func (t *Transcriber) Estimate(r Recording) int64 {
	return int64(len(r.Data)) * tokensPerSecond / bytesPerSecond
}

// Transcribe writes a recording down. The Response holds the text; whatever the
// error, it has to be paid where it has tokens.
func (t *Transcriber) Transcribe(ctx context.Context, r Recording, user string) (Response, error) {
	limited, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	var heard Heard
	err := t.Circuits.Get(t.Name).DoFor(user, func() (err error) {
		heard, err = t.Listener.Transcribe(limited, t.Model, r)
		return err
	})
	resp := Response{Endpoint: t.Name, Model: t.Model, Text: strings.TrimSpace(heard.Text), Usage: heard.Usage}
	if err != nil {
		return resp, err
	}
	if resp.Total() == 0 {
		resp.Estimated = true
		resp.PromptTokens = cmp.Or(int64(heard.Seconds*tokensPerSecond), t.Estimate(r), 1)
		resp.CompletionTokens = t.Counter.Count(resp.Text)
	}
	if price := t.Info(t.Name).Price; price != nil {
		cost := price.Billionths(resp.Usage)
		resp.Cost, resp.Discount = &cost, price.discount(resp.Usage)
	}
	if resp.Text == "" {
		return resp, failure.New(failure.Permanent, CodeEmptyReply, "nothing is said in it", nil)
	}
	t.Logger.DebugContext(ctx, "recording written down", slog.String("model", t.Name), slog.Int64("tokens", resp.Total()))
	return resp, nil
}
