package ai

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
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

	// Info returns what is known of the model at an endpoint; nil = nothing.
	Info func(endpoint string) ModelInfo

	Circuits *breaker.Set // of the endpoints, by name; nil = every call is made

	Counter TokenCounter     // nil = NewCounter()
	Metrics *metrics.Metrics // nil = not counted
	Logger  *slog.Logger     // nil = silent
}

// Assistant makes replies. It is safe for concurrent use.
type Assistant struct {
	o       Options
	cutting sync.Map // endpoints that were found to leave out the beginning of prompts
}

// NewAssistant returns an assistant on these options.
func NewAssistant(o Options) *Assistant {
	if o.Counter == nil {
		o.Counter = NewCounter()
	}
	if o.Info == nil {
		o.Info = func(string) ModelInfo { return ModelInfo{} }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Assistant{o: o}
}

// Ask is what a reply is made from.
type Ask struct {
	History []conversation.Message // oldest first
	Partial bool                   // there is more history than History
	New     []conversation.Message // what to answer
	Images  []Image                // of New, in its order, for a model that sees
	Summary string                 // of what is not in History any more
	Foreign bool                   // Summary may hold words of others than who asks
	Next    Summary                // takes its place, and that of some of History, when the window is full
	// MaxTurns is how many turns of the history are left at most when the window
	// is full and is cut; 0 = as many as half of it holds.
	MaxTurns int
	// CacheKey names the conversation to providers that keep prompts; it tells them nothing else.
	CacheKey string

	Tools   []Tool        // see Request.Tools
	Model   string        // the conversation's choice; "" = the primary endpoint
	System  string        // the persona's prompt; "" = Options.SystemPrompt
	Room    bool          // several people share the history: put the author's name before each user's text
	User    string        // see Request.User
	Say     sentences.Say // see Request.Say
	MaxText int           // see Request.MaxText
	// MaxTokens is the longest answer in tokens; 0 = as configured.
	MaxTokens int
	// Reserve, which may be nil, is asked before each call for the tokens of its
	// prompt and of the longest answer that it may have. It returns the name of the
	// reservation and how long the answer may be; its error ends the reply.
	Reserve func(ctx context.Context, prompt, answer int64) (id string, allowed int64, err error)
	// Lost, which may be nil, is told of each call that the provider will be
	// paid for although it led to no reply, and of each that was reserved for in
	// vain. Endpoint, Model, Usage and Reserved are set.
	Lost func(Response)

	instruction string // of ours, behind everything
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
	p := a.Prompt(ask)
	req := Request{
		System: p.System, Messages: p.Messages, Images: ask.Images, CacheKey: ask.CacheKey, Tools: ask.Tools, NoCalls: ask.instruction != "",
		User: ask.User, Say: ask.Say, MaxTokens: cmp.Or(ask.MaxTokens, a.o.MaxTokens), MaxText: ask.MaxText,
	}
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
	var tooSmall int64 // the largest context that the prompt was too long for
	for _, e := range a.route(ctx, ask.Model) {
		if context := a.o.Info(e.Name).Context; context > 0 && context <= tooSmall {
			continue
		}
		reserved, err := a.reserve(ctx, e, ask, p, &req)
		if err != nil {
			return Response{}, err
		}
		resp, err := a.call(ctx, limited, e, req, preview)
		resp.Reserved = reserved
		if err == nil {
			resp.First, resp.Folded, resp.Full = p.First, p.Folded, a.full(ask.Model, p, resp.Text)
			return resp, nil
		}
		if (resp.Total() > 0 || reserved != "") && ask.Lost != nil {
			ask.Lost(resp)
		}
		if ctx.Err() != nil {
			return Response{}, ctx.Err()
		}
		failed = append(failed, err)
		if contentsFault(err) {
			break
		}
		if failure.CodeOf(err) == CodeContextTooLong {
			tooSmall = max(tooSmall, a.o.Info(e.Name).Context)
		}
		if shown {
			preview = func(string) {}
		}
	}
	return Response{}, mostHopeful(failed)
}

// reservedAnswer is the longest answer, in tokens, where nothing says how long
// answers may be and a budget has to know.
const reservedAnswer = 4096

// reserve has the tokens of a call reserved, and its answer bounded by what is left.
func (a *Assistant) reserve(ctx context.Context, e Endpoint, ask Ask, p Prompt, req *Request) (string, error) {
	if ask.Reserve == nil {
		return "", nil
	}
	id, allowed, err := ask.Reserve(ctx, a.Tokens(p)+toolTokens(a.o.Counter, req.Tools)+a.billedFor(e, req.Images), int64(cmp.Or(req.MaxTokens, reservedAnswer)))
	req.MaxTokens = int(allowed)
	return id, err
}

// Prompt returns what a model is given: the system prompt or persona, the summary,
// the history as it was given before, and what is new. It holds everything until
// the window is full; then the oldest turns go, so that half of it is left.
func (a *Assistant) Prompt(ask Ask) Prompt {
	history, fresh := told(ask.History), told(ask.New)
	if ask.Room {
		history, fresh = named(history), named(fresh)
	}
	if ask.instruction != "" {
		fresh = append(slices.Clip(fresh), conversation.Message{Role: conversation.RoleUser, Content: ask.instruction})
	}
	var next *folded
	if ask.Next.Text != "" {
		next = &folded{system: a.system(ask, ask.Next.Text), end: ask.Next.End}
	}
	limit := a.limit(ask.Model)
	w := window{counter: a.o.Counter, limit: max(limit-imageTokens(ask.Images), limit/2), leave: limit / 2, turns: ask.MaxTurns}
	return w.fit(a.system(ask, ask.Summary), next, history, fresh, ask.Partial)
}

// limit returns how many tokens a prompt may have for the model that is chosen, so
// that its answer fits into the model's own context too; 0 = any number.
func (a *Assistant) limit(choice string) int64 {
	limit := int64(max(a.o.ContextTokens, 0))
	e, ok := find(slices.Concat([]Endpoint{a.o.Primary}, a.o.Fallbacks, a.o.Choices), choice)
	if !ok {
		e = a.o.Primary
	}
	own := a.o.Info(e.Name).Context
	if own <= 0 {
		return limit
	}
	own = max(own-int64(cmp.Or(a.o.MaxTokens, reservedAnswer)), own/2)
	if limit == 0 {
		return own
	}
	return min(limit, own)
}

// system returns the system message: prompt or persona, and the summary.
func (a *Assistant) system(ask Ask, summary string) string {
	system := cmp.Or(ask.System, a.o.SystemPrompt)
	if summary == "" {
		return system
	}
	return strings.TrimLeft(system+"\n\n"+summaryHead+summary, "\n")
}

// Tokens returns how many tokens a prompt has, as we count.
func (a *Assistant) Tokens(p Prompt) int64 {
	const noLimit = 1 << 62
	n := count(a.o.Counter, p.Messages, noLimit)
	if p.System != "" {
		n += perMessage + a.o.Counter.Count(p.System)
	}
	return n
}

// call asks one endpoint within limited, which ctx, the caller's own, has no
// limit of, and accounts for the outcome.
func (a *Assistant) call(ctx, limited context.Context, e Endpoint, req Request, onDelta func(string)) (Response, error) {
	req.Model = e.ModelName
	info := a.o.Info(e.Name)
	req.Effort = info.Effort
	if info.NoTools {
		req.Tools = nil
	}
	if !info.Vision {
		req.Images = nil
	}
	if longest := int(info.MaxOutput); longest > 0 && req.MaxTokens > longest {
		req.MaxTokens = longest
	}
	circuit := a.o.Circuits.Get(e.Name)
	start := time.Now()
	var resp Response
	err := circuit.DoFor(req.User, func() (err error) {
		resp, err = a.generate(ctx, limited, e, req, func(text string) {
			circuit.Alive()
			onDelta(text)
		})
		return err
	})
	if err == nil || resp.Total() > 0 || resp.Text != "" || resp.Thoughts > 0 {
		resp = a.settled(e, req, resp)
	}
	if len(req.Tools) == 0 || req.NoCalls { // what nobody has offered is not used
		resp.Calls = nil
	}
	resp.Endpoint = e.Name
	if price := info.Price; price != nil {
		cost := price.Billionths(resp.Usage)
		resp.Cost, resp.Discount = &cost, price.discount(resp.Usage)
	}
	a.count(resp)
	if err != nil {
		a.failed(ctx, e, err, time.Since(start))
		return resp, err
	}
	a.succeeded(ctx, resp, time.Since(start))
	a.warnOfCut(ctx, req, resp)
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
	case err == nil && strings.TrimSpace(resp.Text) == "" && (len(resp.Calls) == 0 || len(req.Tools) == 0 || req.NoCalls):
		return resp, failure.New(failure.Retry, CodeEmptyReply, "the model answered nothing", nil)
	case err == nil || ctx.Err() != nil || heard.Err() == nil:
		return resp, err
	case limited.Err() == nil:
		return resp, failure.New(failure.Retry, CodeTimeout, "the model gave no sign of life for too long", context.Cause(heard))
	case strings.TrimSpace(said.String()) != "":
		return Response{Text: said.String(), Model: e.ModelName, FinishReason: finishLength, Cut: true, Usage: resp.Usage, Thoughts: resp.Thoughts}, nil
	}
	return resp, failure.New(failure.Permanent, CodeTimeout, "the model took too long", context.Cause(limited))
}

// bytesPerToken is what a token of thoughts takes, of which only the length is known.
const bytesPerToken = 4

// settled fills in the token counts that the provider did not report.
func (a *Assistant) settled(e Endpoint, req Request, resp Response) Response {
	if resp.PromptTokens <= 0 {
		resp.Estimated = true
		resp.PromptTokens = a.Tokens(Prompt{System: req.System, Messages: req.Messages}) + toolTokens(a.o.Counter, req.Tools) + a.billedFor(e, req.Images)
	}
	if resp.CompletionTokens <= 0 {
		resp.Estimated = true
		resp.CompletionTokens = a.o.Counter.Count(resp.Text) + int64(resp.Thoughts/bytesPerToken)
	}
	return resp
}

// warnOfCut warns once of an endpoint that counts far fewer tokens in a prompt than
// we do: it has left out the beginning, as Ollama does at 4,096 tokens unless it is
// told otherwise.
func (a *Assistant) warnOfCut(ctx context.Context, req Request, resp Response) {
	const least = 2000 // vocabularies differ; what is short is not cut
	ours := a.Tokens(Prompt{System: req.System, Messages: req.Messages})
	if resp.Estimated || ours < least || resp.PromptTokens >= ours/2 {
		return
	}
	if _, told := a.cutting.LoadOrStore(resp.Endpoint, true); !told {
		a.o.Logger.WarnContext(ctx, "the model endpoint seems to drop the beginning of long prompts: give the model more context "+
			"(Ollama: OLLAMA_CONTEXT_LENGTH), or lower ai.context_tokens to what it accepts",
			slog.String("model", resp.Endpoint), slog.Int64("sent", ours), slog.Int64("counted", resp.PromptTokens))
	}
}

func (a *Assistant) succeeded(ctx context.Context, resp Response, took time.Duration) {
	a.o.Logger.DebugContext(ctx, "model answered",
		slog.String("model", resp.Endpoint), slog.String("finish_reason", resp.FinishReason),
		slog.Int64("prompt_tokens", resp.PromptTokens), slog.Int64("completion_tokens", resp.CompletionTokens),
		slog.Float64("took_ms", float64(took.Microseconds())/1000))
	if m := a.o.Metrics; m != nil {
		m.ModelCalls.WithLabelValues(resp.Endpoint, "ok").Inc()
	}
}

// count counts what a call took, whether or not it led to an answer.
func (a *Assistant) count(resp Response) {
	if m := a.o.Metrics; m != nil {
		m.Tokens.WithLabelValues(resp.Endpoint, "prompt").Add(float64(resp.PromptTokens))
		m.Tokens.WithLabelValues(resp.Endpoint, "completion").Add(float64(resp.CompletionTokens))
		m.Tokens.WithLabelValues(resp.Endpoint, "cached").Add(float64(resp.CachedTokens))
		m.Tokens.WithLabelValues(resp.Endpoint, "cache_written").Add(float64(resp.WrittenTokens))
		if resp.Cost != nil {
			m.Cost.WithLabelValues(resp.Endpoint).Add(float64(*resp.Cost) / 1e9)
		}
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
		slog.Float64("took_ms", float64(took.Microseconds())/1000), slog.String("error", err.Error()))
}

// MaxReplyTime is how long making a reply may take at most, whoever makes it
// and however steadily it comes.
const MaxReplyTime = 15 * time.Minute

// finishLength is the finish reason of an answer that a limit has cut.
const finishLength = "length"

var (
	errReplyTime = errors.New("the longest time for a reply is over")
	errNoSign    = errors.New("no sign of life from the model")
)

// listening returns a context that ends when alive was not called for so long;
// 0 = never. stop gives it back.
func listening(ctx context.Context, silence time.Duration) (heard context.Context, alive, stop func()) {
	if silence <= 0 {
		return ctx, func() {}, func() {}
	}
	heard, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(silence, func() { cancel(errNoSign) })
	return heard, func() { timer.Reset(silence) }, func() { timer.Stop(); cancel(nil) }
}
