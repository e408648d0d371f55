package openai

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/failure"
)

// DefaultBaseURL is where OpenAI itself answers.
const DefaultBaseURL = "https://api.openai.com/v1"

const (
	// maxText bounds an answer whose reader names no bound, in bytes: many times
	// what any model writes.
	maxText = 4 << 20
	// maxFault bounds how much is read of a refusal, in bytes.
	maxFault = 1 << 20
	// maxRefused bounds how often one request is made again without a parameter.
	maxRefused = 4
	// drainGrace is how long the end of a finished stream may take to arrive.
	// Read to its end, the connection serves the next call too.
	drainGrace = 50 * time.Millisecond
)

// Options make a [Client].
type Options struct {
	// Name is the provider's, by which its dialect may be known; "" = none.
	Name string
	// BaseURL is where the API begins; "" = DefaultBaseURL. What is often copied
	// along, /chat/completions, is left out; a query goes along with each request.
	BaseURL    string
	APIKey     string            // "" = no Authorization header
	Headers    map[string]string // sent with each request; they win
	Query      map[string]string // added to each address
	ExtraBody  map[string]any    // added to the body of each request; it wins
	Drop       []string          // parameters that are not sent
	Responses  bool              // models are asked by the Responses API
	HTTPClient *http.Client
	Stream     bool // answers are streamed; else they come in one piece
	Logger     *slog.Logger
	Now        func() time.Time // for waits given as a date; nil = time.Now
}

// Client calls one endpoint. It implements [ai.Model] and is safe for
// concurrent use.
type Client struct {
	http     *http.Client
	name     string
	base     *url.URL
	key      string
	headers  map[string]string
	extra    map[string]any
	stream   bool
	log      *slog.Logger
	now      func() time.Time
	refusals refusals
	// What was found out is kept by model: as many as are configured.
	aloud sync.Map // models that were found to begin with a thought
	blind sync.Map // models that were found to see no pictures

	responses   bool
	byResponses sync.Map // models that are to be asked by the Responses API
	owed        sync.Map // what was found to be wanted back, by model
}

// New returns a client. It sets no time limit of its own: the caller's context does.
func New(o Options) *Client {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	base, err := url.Parse(Base(cmp.Or(o.BaseURL, DefaultBaseURL)))
	if err != nil {
		base = &url.URL{} // every call says that it is no address
	}
	query := base.Query()
	for name, value := range o.Query {
		query.Set(name, value)
	}
	base.RawQuery = query.Encode()
	return &Client{
		http: calling(o.HTTPClient), name: o.Name, base: base, key: o.APIKey, headers: o.Headers, extra: o.ExtraBody,
		stream: o.Stream, log: o.Logger, now: o.Now, refusals: refusals{always: o.Drop}, responses: o.Responses,
	}
}

// Base returns an address without what does not belong to the beginning of an API:
// a slash at its end, and the name of a method.
func Base(address string) string {
	path, query, has := strings.Cut(address, "?")
	path = strings.TrimRight(path, "/")
	for _, method := range []string{"/chat/completions", "/completions", "/responses", "/models"} {
		path = strings.TrimRight(strings.TrimSuffix(path, method), "/")
	}
	if has && query != "" {
		path += "?" + query
	}
	return path
}

// calling returns a copy of the client that follows no redirect, which would take
// the key and the conversation where nobody sent them.
func calling(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if standard, ok := http.DefaultTransport.(*http.Transport); ok && c.Transport == nil {
		pooled := standard.Clone()
		pooled.MaxIdleConnsPerHost = pooled.MaxIdleConns // of the one host that is called
		own.Transport = pooled
	}
	return &own
}

// Generate implements [ai.Model]. An error comes with what is known of a call that
// has to be paid all the same.
func (c *Client) Generate(ctx context.Context, r ai.Request, onDelta func(string)) (ai.Response, error) {
	if onDelta == nil {
		onDelta = func(string) {}
	}
	for again := 0; ; again++ {
		body, err := c.body(r)
		if err != nil {
			return ai.Response{}, err
		}
		resp, err := c.generate(ctx, r, body, onDelta)
		resp.Model = cmp.Or(resp.Model, r.Model)
		if err != nil && ctx.Err() != nil {
			return resp, ctx.Err()
		}
		var reported *fault
		if errors.As(err, &reported) && again < maxRefused && c.learnMethod(r.Model, reported) {
			continue
		}
		if errors.As(err, &reported) && again < maxRefused && resp.Text == "" && c.dropDetails(&r, reported, body) {
			continue
		}
		if errors.As(err, &reported) && again < maxRefused && c.learnOwed(r.Model, reported, body) {
			continue
		}
		if errors.As(err, &reported) && again < maxRefused && c.learnBlind(&r, reported) {
			c.log.WarnContext(ctx, "the model endpoint does not accept images; the model is given only their names",
				slog.String("model", r.Model), slog.String("error", c.redact(reported.Error())))
			continue
		}
		if errors.As(err, &reported) && again < maxRefused && c.refusals.learn(r.Model, reported, body) {
			c.log.WarnContext(ctx, "the model endpoint refused a parameter; it is left out from now on",
				slog.String("model", r.Model), slog.String("error", c.redact(reported.Error())))
			continue
		}
		if err != nil {
			return resp, c.classify(err)
		}
		return resp, nil
	}
}

// generate makes one call.
func (c *Client) generate(ctx context.Context, r ai.Request, body []byte, onDelta func(string)) (ai.Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.post(ctx, c.method(r.Model), body)
	if err != nil {
		return ai.Response{}, err
	}
	defer resp.Body.Close()
	c.log.DebugContext(ctx, "model endpoint answers",
		slog.String("request_id", resp.Header.Get("X-Request-Id")), slog.Int("status", resp.StatusCode))
	alive := r.Alive
	if alive == nil {
		alive = func() {}
	}
	alive()
	limit := maxText
	if r.MaxText > 0 {
		limit = min(r.MaxText, maxText)
	}
	if resp.StatusCode != http.StatusOK {
		return ai.Response{}, c.refusal(resp)
	}
	a := answer{limit: limit, wants: c.wants(r.Model), preview: &preview{out: onDelta, wait: firstHold}, grace: time.AfterFunc(time.Hour, cancel)}
	defer a.preview.close()
	a.grace.Stop()
	if _, learnt := c.aloud.Load(r.Model); learnt || aloud.MatchString(r.Model) {
		a.preview.wait = 0
	}
	read := &bounded{ReadCloser: resp.Body, alive: alive, left: maxBody, line: maxLine(limit)}
	err = values(read, a.take)
	if errors.Is(err, errDone) {
		drain(read, cancel)
	}
	if a.aloud {
		c.aloud.Store(r.Model, true)
	}
	got, err := a.end(err, read.ended)
	got.Opaque = c.owe(r, &a, got.Calls)
	if f := (*fault)(nil); errors.As(err, &f) && f.wait == 0 {
		f.wait = c.wait(resp.Header)
	}
	return got, err
}

// post sends a request to a method of the API.
func (c *Client) post(ctx context.Context, method string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(method), bytes.NewReader(body))
	if err != nil {
		return nil, err //nolint:wrapcheck // judged as a network fault
	}
	req.Header.Set("Content-Type", "application/json")
	if c.stream {
		req.Header.Set("Accept", "text/event-stream")
	}
	c.authorize(req)
	return c.do(req)
}

// do sends a request. An error names where it went, without what signs in there.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if named, ok := errors.AsType[*url.Error](err); ok {
		named.URL = (&url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}).String()
	}
	return resp, err //nolint:wrapcheck // it names the address
}

func (c *Client) address(method string) string {
	u := *c.base
	u.Path += method
	return u.String()
}

// authorize: https://learn.microsoft.com/azure/ai-foundry/openai/reference for api-key.
func (c *Client) authorize(req *http.Request) {
	switch {
	case c.key == "":
	case c.azure():
		req.Header.Set("Api-Key", c.key)
	default:
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
}

func (c *Client) azure() bool {
	host := c.base.Hostname()
	return strings.HasSuffix(host, ".openai.azure.com") || strings.HasSuffix(host, ".cognitiveservices.azure.com")
}

// refusal reads an answer with another status than 200.
func (c *Client) refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxFault)) // what came of it is what there is
	f := readFault(resp.StatusCode, body)
	f.status = resp.StatusCode
	if to, err := resp.Location(); err == nil && resp.StatusCode < http.StatusBadRequest {
		f.text = fmt.Sprintf("it redirects to %s://%s%s: set the base URL to where the API is", to.Scheme, to.Host, strings.TrimSuffix(to.Path, "/chat/completions"))
	}
	f.wait = max(f.wait, c.wait(resp.Header))
	f.text = c.redact(f.text)
	return f
}

// classify gives an error its kind, and takes the key out of its text.
func (c *Client) classify(err error) error {
	var wait time.Duration
	v := judgeLocal(err)
	if reported, ok := errors.AsType[*fault](err); ok {
		v = reported.judge()
		reported.text = c.redact(reported.text) // before it is shortened, which may cut a secret in two
		if v.kind == failure.Retry {
			wait = reported.wait
		}
	}
	if text := err.Error(); c.redact(text) != text {
		err = errors.New(c.redact(text))
	}
	return &failure.Error{Kind: v.kind, Code: v.code, Safe: v.safe, Wait: wait, Err: err}
}

// judgeLocal decides about what this side saw: no answer, or one that is not
// the protocol.
func judgeLocal(err error) verdict {
	var network net.Error
	var address *url.Error
	switch {
	case errors.Is(err, errTooLarge):
		return verdictHuge
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return verdictSlow
	case errors.Is(err, errCut):
		return verdictCut
	case errors.As(err, &network), errors.As(err, &address):
		return verdictNetwork
	default: // no JSON, the wrong JSON, no event stream, no choice
		return verdictProtocol
	}
}

// redact removes what the endpoint was given to let us in, and may repeat in its message.
func (c *Client) redact(text string) string {
	for _, secret := range c.secrets() {
		text = strings.ReplaceAll(text, secret, "[api key]")
	}
	return text
}

// secrets are the values that no text may hold: the key, further headers, and of the
// address who signs in and what its query says.
func (c *Client) secrets() []string {
	const least = 8 // what is shorter is no secret, and would take words apart
	values := append(slices.Collect(maps.Values(c.headers)), c.key)
	for _, named := range c.base.Query() {
		for _, value := range named {
			values = append(values, value, url.QueryEscape(value))
		}
	}
	if user := c.base.User; user != nil {
		password, _ := user.Password()
		values = append(values, cmp.Or(password, user.Username()), base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	var list []string
	for _, value := range values {
		if value = strings.TrimPrefix(value, "Bearer "); len(value) >= least || value == c.key && value != "" {
			list = append(list, value)
		}
	}
	return list
}

// drain reads what is left of a finished stream, which is next to nothing.
func drain(body io.Reader, cancel context.CancelFunc) {
	limit := time.AfterFunc(drainGrace, cancel)
	defer limit.Stop()
	_, _ = io.CopyN(io.Discard, body, 1<<10)
}
