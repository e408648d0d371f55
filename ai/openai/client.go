package openai

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/failure"
)

// DefaultBaseURL is where OpenAI itself answers.
const DefaultBaseURL = "https://api.openai.com/v1"

const (
	// maxText bounds an answer whose reader names no bound, in bytes: many times
	// what any model writes.
	maxText = 4 << 20
	// usageGrace is how long after the finish reason the stream may take to
	// report the usage and end; the answer itself is complete by then.
	usageGrace = 2 * time.Second
	// drainGrace is how long the end of a finished stream may take to arrive.
	// Read to its end, the connection serves the next call too.
	drainGrace = 50 * time.Millisecond
)

// Options make a [Client].
type Options struct {
	BaseURL    string // with or without a slash at the end; "" = DefaultBaseURL
	APIKey     string // "" = no Authorization header
	HTTPClient *http.Client
	Stream     bool // answers are streamed; else they come in one piece
	Logger     *slog.Logger
	Now        func() time.Time // for waits given as a date; nil = time.Now
}

// Client calls one endpoint. It implements [ai.Model] and is safe for
// concurrent use.
type Client struct {
	api    *openai.Client
	host   string
	key    string
	stream bool
	log    *slog.Logger
	now    func() time.Time
}

// New returns a client. It sets no time limit of its own: the caller's context does.
func New(o Options) *Client {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	config := openai.DefaultConfig(o.APIKey)
	config.BaseURL = o.BaseURL
	config.HTTPClient = observed(o.HTTPClient)
	// Keep-alive comments of a slow model count as empty messages; what bounds
	// them is the size of the whole answer.
	config.EmptyMessagesLimit = maxBody
	host := ""
	if u, err := url.Parse(o.BaseURL); err == nil {
		host = u.Hostname()
	}
	return &Client{api: openai.NewClientWithConfig(config), host: host, key: o.APIKey, stream: o.Stream, log: o.Logger, now: o.Now}
}

// Generate implements [ai.Model].
func (c *Client) Generate(ctx context.Context, r ai.Request, onDelta func(string)) (ai.Response, error) {
	if onDelta == nil {
		onDelta = func(string) {}
	}
	callCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := newExchange(r)
	callCtx = withExchange(callCtx, seen)

	ask := c.whole
	if c.stream {
		ask = c.streamed
	}
	resp, err := ask(callCtx, cancel, c.chatRequest(r), onDelta)
	if ctx.Err() != nil && err != nil {
		return ai.Response{}, ctx.Err()
	}
	c.log.DebugContext(ctx, "model endpoint answered",
		slog.String("request_id", seen.header.Get("X-Request-Id")), slog.Int("status", seen.status))
	switch {
	case err != nil:
		return ai.Response{}, c.classify(err, seen)
	case resp.FinishReason == string(openai.FinishReasonContentFilter):
		return ai.Response{}, failure.New(failure.Permanent, ai.CodeContentFilter, refused, nil)
	}
	resp.Model = cmp.Or(resp.Model, r.Model)
	return resp, nil
}

// whole asks for the answer in one piece.
func (c *Client) whole(
	ctx context.Context, _ context.CancelFunc, r openai.ChatCompletionRequest, onDelta func(string),
) (ai.Response, error) {
	resp, err := c.api.CreateChatCompletion(ctx, r)
	if err != nil {
		return ai.Response{}, err
	}
	if len(resp.Choices) == 0 {
		return ai.Response{}, errNoChoice
	}
	first := resp.Choices[0]
	text := first.Message.Content
	if text == "" {
		text = first.Message.Refusal // the model's own polite words
	}
	seen := exchangeOf(ctx)
	if text == "" && seen.ended { // it was something else that took all the room
		return ai.Response{}, errTooLarge
	}
	a := answer{onDelta: onDelta, limit: seen.maxText}
	a.resp = ai.Response{
		Model: resp.Model, FinishReason: string(first.FinishReason),
		PromptTokens: int64(resp.Usage.PromptTokens), CompletionTokens: int64(resp.Usage.CompletionTokens),
	}
	a.write(text)
	a.resp.Cut = a.resp.Cut || seen.ended
	return a.response(), nil
}

// streamed asks for the answer in pieces. cancel ends the exchange.
func (c *Client) streamed(
	ctx context.Context, cancel context.CancelFunc, r openai.ChatCompletionRequest, onDelta func(string),
) (ai.Response, error) {
	r.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	stream, err := c.api.CreateChatCompletionStream(ctx, r)
	if err != nil {
		return ai.Response{}, err
	}
	defer stream.Close()
	a := answer{onDelta: onDelta, limit: exchangeOf(ctx).maxText}
	for {
		chunk, err := stream.Recv()
		if err != nil {
			resp, err := a.end(err)
			if err == nil {
				drain(exchangeOf(ctx).body, cancel)
			}
			return resp, err
		}
		wasFinished := a.finished()
		if err := a.add(chunk); err != nil {
			return ai.Response{}, err
		}
		if a.resp.Cut {
			return a.response(), nil
		}
		if a.finished() && !wasFinished {
			grace := time.AfterFunc(usageGrace, cancel)
			defer grace.Stop()
		}
	}
}

// drain reads what is left of a finished stream, which is next to nothing.
func drain(body io.Reader, cancel context.CancelFunc) {
	limit := time.AfterFunc(drainGrace, cancel)
	defer limit.Stop()
	_, _ = io.CopyN(io.Discard, body, 1<<10)
}
