package ai

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/sentences"
)

// Options make an [Assistant]. Only Primary is required.
type Options struct {
	Primary   Endpoint
	Fallbacks []Endpoint // asked in order when the one before fails
	Choices   []Endpoint // what else Ask.Model may name

	SystemPrompt  string
	ContextTokens int           // of system prompt, history and new messages together; 0 = no limit
	Timeout       time.Duration // how long an endpoint may give no sign; 0 = for ever
	MaxTokens     int           // see Request.MaxTokens

	Circuits *breaker.Set // of the endpoints, by name; nil = every call is made

	Counter TokenCounter     // nil = NewCounter()
	Metrics *metrics.Metrics // nil = not counted
	Logger  *slog.Logger     // nil = silent
}

// Assistant makes replies. It is safe for concurrent use.
type Assistant struct {
	o Options
}

// NewAssistant returns an assistant on these options.
func NewAssistant(o Options) *Assistant {
	if o.Counter == nil {
		o.Counter = NewCounter()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Assistant{o: o}
}

// Ask is what a reply is made from.
type Ask struct {
	History []conversation.Message // oldest first; cut to the window
	New     []conversation.Message // what to answer; always sent whole
	Model   string                 // the conversation's choice; "" = the primary endpoint
	System  string                 // the persona's prompt; "" = Options.SystemPrompt
	Room    bool                   // several people share the history: put the author's name before each user's text
	User    string                 // see Request.User
	Say     sentences.Say          // see Request.Say
	MaxText int                    // see Request.MaxText
}

// Reply asks the chosen endpoint and, when it fails, the fallbacks. It does not
// try anything twice: an error of kind failure.Retry says that and after which
// wait another call may succeed. When ctx ends, its error is returned as it is.
//
// The whole of it takes at most [MaxReplyTime]; what an endpoint has said by then
// is the answer.
//
// onDelta may be nil. When an endpoint fails after it has begun to answer, the
// pieces of the next one are not passed on; the Response has the whole text.
func (a *Assistant) Reply(ctx context.Context, ask Ask, onDelta func(string)) (Response, error) {
	req := a.request(ask)
	if len(req.Messages) == 0 {
		return Response{}, failure.New(failure.Invalid, CodeEmptyRequest, "there is nothing to answer", nil)
	}
	shown := false
	preview := func(text string) {
		shown = true
		onDelta(text)
	}
	if onDelta == nil {
		onDelta = func(string) {}
	}
	limited, cancel := context.WithTimeoutCause(ctx, MaxReplyTime, errReplyTime)
	defer cancel()
	var failed []error
	for _, e := range a.route(ctx, ask.Model) {
		resp, err := a.call(ctx, limited, e, req, preview)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil {
			return Response{}, ctx.Err()
		}
		failed = append(failed, err)
		if contentsFault(err) {
			break
		}
		if shown {
			preview = func(string) {}
		}
	}
	return Response{}, mostHopeful(failed)
}

// request applies the window, the persona and the names of a room.
func (a *Assistant) request(ask Ask) Request {
	system := ask.System
	if system == "" {
		system = a.o.SystemPrompt
	}
	history, fresh := ask.History, ask.New
	if ask.Room {
		history, fresh = named(history), named(fresh)
	}
	return Request{
		System:   system,
		Messages: window(a.o.Counter, a.o.ContextTokens, system, history, fresh),
		User:     ask.User, Say: ask.Say, MaxTokens: a.o.MaxTokens, MaxText: ask.MaxText,
	}
}

// route returns the endpoints to try, in order: the chosen one, the primary
// one, the fallbacks.
func (a *Assistant) route(ctx context.Context, choice string) []Endpoint {
	all := append([]Endpoint{a.o.Primary}, a.o.Fallbacks...)
	if choice == "" {
		return all
	}
	chosen, ok := find(slices.Concat(all, a.o.Choices), choice)
	if !ok {
		a.o.Logger.WarnContext(ctx, "conversation's model is not configured; using the primary one",
			slog.String("model", choice))
		return all
	}
	others := slices.DeleteFunc(all, func(e Endpoint) bool { return e.Name == chosen.Name })
	return append([]Endpoint{chosen}, others...)
}

// find returns the endpoint of that name, or else the wanted model at an
// endpoint of the same provider.
func find(all []Endpoint, name string) (Endpoint, bool) {
	for _, e := range all {
		if e.Name == name || e.ModelName == name {
			return e, true
		}
	}
	provider, model, ok := strings.Cut(name, ":")
	if !ok {
		return Endpoint{}, false
	}
	for _, e := range all {
		if p, _, named := strings.Cut(e.Name, ":"); named && p == provider {
			return Endpoint{Name: name, Model: e.Model, ModelName: model}, true
		}
	}
	return Endpoint{}, false
}

// contentsFault reports whether another model must not be asked: the request
// itself was refused.
func contentsFault(err error) bool {
	return failure.KindOf(err) == failure.Invalid || failure.CodeOf(err) == CodeContentFilter
}

// mostHopeful returns the first error that a later attempt may overcome, else
// the first: a passing fault of one endpoint outweighs a lasting one of another.
// A call that was made outweighs those that were not, of which the one that may
// be made soonest says when to come back.
func mostHopeful(errs []error) error {
	var paused error
	for _, err := range errs {
		switch {
		case errors.Is(err, breaker.ErrOpen):
			if paused == nil || failure.WaitOf(err) < failure.WaitOf(paused) {
				paused = err
			}
		case failure.KindOf(err) == failure.Retry:
			return err
		}
	}
	if paused != nil {
		return paused
	}
	return errs[0]
}

// call asks one endpoint within limited, which ctx, the caller's own, has no
// limit of, and accounts for the outcome.
func (a *Assistant) call(ctx, limited context.Context, e Endpoint, req Request, onDelta func(string)) (Response, error) {
	req.Model = e.ModelName
	circuit := a.o.Circuits.Get(e.Name)
	start := time.Now()
	var resp Response
	err := circuit.Do(func() (err error) {
		resp, err = a.generate(ctx, limited, e, req, func(text string) {
			circuit.Alive()
			onDelta(text)
		})
		return err
	})
	if err != nil {
		a.failed(ctx, e, err, time.Since(start))
		return Response{}, err
	}
	resp = a.settled(req, resp)
	resp.Endpoint = e.Name
	a.succeeded(ctx, resp, time.Since(start))
	return resp, nil
}

// generate asks an endpoint as long as it gives signs of life, at most within limited.
func (a *Assistant) generate(ctx, limited context.Context, e Endpoint, req Request, onDelta func(string)) (Response, error) {
	heard, alive, stop := listening(limited, a.o.Timeout)
	defer stop()
	req.Alive = alive
	var said strings.Builder
	resp, err := e.Model.Generate(heard, req, func(text string) {
		alive()
		said.WriteString(text)
		onDelta(text)
	})
	switch {
	case err == nil && strings.TrimSpace(resp.Text) == "":
		return resp, failure.New(failure.Retry, CodeEmptyReply, "the model answered nothing", nil)
	case err == nil || ctx.Err() != nil || heard.Err() == nil:
		return resp, err
	case limited.Err() == nil:
		return resp, failure.New(failure.Retry, CodeTimeout, "the model gave no sign for too long", context.Cause(heard))
	case strings.TrimSpace(said.String()) != "":
		return Response{Text: said.String(), Model: e.ModelName, FinishReason: finishLength, Cut: true}, nil
	}
	return resp, failure.New(failure.Permanent, CodeTimeout, "the model took too long", context.Cause(limited))
}

// settled fills in the token counts that the provider did not report.
func (a *Assistant) settled(req Request, resp Response) Response {
	const noLimit = int64(1) << 62
	if resp.PromptTokens <= 0 {
		resp.Estimated = true
		resp.PromptTokens = count(a.o.Counter, req.Messages, noLimit)
		if req.System != "" {
			resp.PromptTokens += perMessage + a.o.Counter.Count(req.System)
		}
	}
	if resp.CompletionTokens <= 0 {
		resp.Estimated = true
		resp.CompletionTokens = a.o.Counter.Count(resp.Text)
	}
	return resp
}

func (a *Assistant) succeeded(ctx context.Context, resp Response, took time.Duration) {
	a.o.Logger.DebugContext(ctx, "model answered",
		slog.String("model", resp.Endpoint), slog.String("finish_reason", resp.FinishReason),
		slog.Int64("prompt_tokens", resp.PromptTokens), slog.Int64("completion_tokens", resp.CompletionTokens),
		slog.Duration("took", took))
	if m := a.o.Metrics; m != nil {
		m.ModelCalls.WithLabelValues(resp.Endpoint, "ok").Inc()
		m.Tokens.WithLabelValues(resp.Endpoint, "prompt").Add(float64(resp.PromptTokens))
		m.Tokens.WithLabelValues(resp.Endpoint, "completion").Add(float64(resp.CompletionTokens))
	}
}

func (a *Assistant) failed(ctx context.Context, e Endpoint, err error, took time.Duration) {
	outcome := "permanent"
	switch {
	case ctx.Err() != nil: // the caller does not want it any more: no fault of the model
		outcome = "cancelled"
	case errors.Is(err, breaker.ErrOpen):
		outcome = "paused"
	case failure.KindOf(err) == failure.Retry:
		outcome = "retry"
	}
	if m := a.o.Metrics; m != nil {
		m.ModelCalls.WithLabelValues(e.Name, outcome).Inc()
	}
	if outcome == "cancelled" || outcome == "paused" { // the circuit's own change is logged
		return
	}
	a.o.Logger.WarnContext(ctx, "model call failed",
		slog.String("model", e.Name), slog.String("outcome", outcome), slog.String("code", failure.CodeOf(err)),
		slog.Duration("took", took), slog.String("error", err.Error()))
}
