package ai_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/sentences"
)

// endpoint starts a fake provider and returns it with an endpoint that calls it.
func endpoint(t *testing.T, name string) (*fakeopenai.Server, ai.Endpoint) {
	t.Helper()
	server, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	_, model, _ := strings.Cut(name, ":")
	client := openai.New(openai.Options{BaseURL: server.URL(), Stream: true})
	return server, ai.Endpoint{Name: name, Model: client, ModelName: model}
}

func said(text string) conversation.Message {
	return conversation.Message{Role: conversation.RoleUser, Content: text}
}

func answered(text string) conversation.Message {
	return conversation.Message{Role: conversation.RoleAssistant, Content: text}
}

func asking(text string) ai.Ask { return ai.Ask{New: []conversation.Message{said(text)}} }

// prompt writes what the provider was sent on one line.
func prompt(c fakeopenai.Call) string {
	parts := make([]string, 0, len(c.Messages))
	for _, m := range c.Messages {
		parts = append(parts, m.Role+"="+m.Content)
	}
	return strings.Join(parts, "|")
}

func TestReplySendsHistoryAndPrompt(t *testing.T) {
	t.Parallel()
	history := []conversation.Message{said("old " + strings.Repeat("word ", 100)), answered("long ago"), said("My name is Ann."), answered("Hello Ann.")}
	tests := map[string]struct {
		ask  ai.Ask
		want string
	}{
		"whole turns that fit": {
			ai.Ask{History: history, New: []conversation.Message{said("Who am I?")}},
			"system=Be brief.|user=My name is Ann.|assistant=Hello Ann.|user=Who am I?",
		},
		"several new messages": {
			ai.Ask{New: []conversation.Message{said("one"), said("two")}},
			"system=Be brief.|user=one\n\ntwo",
		},
		"persona": {
			ai.Ask{New: []conversation.Message{said("hi")}, System: "Talk like a pirate."},
			"system=Talk like a pirate.|user=hi",
		},
		"room": {
			ai.Ask{
				Room:    true,
				History: []conversation.Message{{Role: conversation.RoleUser, Content: "hi", Author: "slack:group:U2"}, answered("Hello.")},
				New:     []conversation.Message{{Role: conversation.RoleUser, Content: "and me?", Author: "slack:group:U1", Metadata: map[string]any{"sender_name": "Alice"}}},
			},
			`system=Be brief.|user="U2" (U2): hi|assistant=Hello.|user="Alice" (U1): and me?`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, primary := endpoint(t, "openai:gpt-4o-mini")
			a := ai.NewAssistant(ai.Options{Primary: primary, SystemPrompt: "Be brief.", ContextTokens: 80})
			test.ask.User = "u-hash"
			got, err := a.Reply(t.Context(), test.ask, nil)
			if err != nil {
				t.Fatal(err)
			}
			call := server.Calls()[0]
			if prompt(call) != test.want {
				t.Errorf("sent %s\nwant %s", prompt(call), test.want)
			}
			if call.User != "u-hash" || call.Model != "gpt-4o-mini" {
				t.Errorf("user %q, model %q", call.User, call.Model)
			}
			if got.Endpoint != "openai:gpt-4o-mini" || got.Estimated || !strings.HasPrefix(got.Text, "reply to: ") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestModelChoice(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ choice, first, model string }{
		"none":                     {"", "primary", "small"},
		"the primary one":          {"one:small", "primary", "small"},
		"a fallback":               {"two:big", "fallback", "big"},
		"without provider":         {"big", "fallback", "big"},
		"one of the other choices": {"three:odd", "other", "odd"},
		"another of a provider":    {"two:bigger", "fallback", "bigger"},
		"unknown":                  {"nine:lives", "primary", "small"},
		"unknown, no provider":     {"lives", "primary", "small"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers, endpoints := map[string]*fakeopenai.Server{}, map[string]ai.Endpoint{}
			for role, endpointName := range map[string]string{"primary": "one:small", "fallback": "two:big", "other": "three:odd"} {
				servers[role], endpoints[role] = endpoint(t, endpointName)
			}
			a := ai.NewAssistant(ai.Options{
				Primary: endpoints["primary"], Fallbacks: []ai.Endpoint{endpoints["fallback"]}, Choices: []ai.Endpoint{endpoints["other"]},
			})
			ask := asking("hi")
			ask.Model = test.choice
			if _, err := a.Reply(t.Context(), ask, nil); err != nil {
				t.Fatal(err)
			}
			for role, server := range servers {
				calls := server.Calls()
				if (role == test.first) != (len(calls) == 1) {
					t.Errorf("%s was called %d times", role, len(calls))
				}
				if role == test.first && calls[0].Model != test.model {
					t.Errorf("model %q", calls[0].Model)
				}
			}
		})
	}
}

func TestFallbacks(t *testing.T) {
	t.Parallel()
	waits := fakeopenai.RateLimited("9")
	tests := map[string]struct {
		primary, fallback fakeopenai.Step
		fallbackCalls     int
		code              string // "" = the fallback answers
		kind              failure.Kind
		wait              time.Duration
	}{
		"the fallback answers":         {fakeopenai.Fail(500, ""), fakeopenai.Step{}, 1, "", 0, 0},
		"after a lasting fault too":    {fakeopenai.Fail(401, ""), fakeopenai.Step{}, 1, "", 0, 0},
		"after a longer prompt":        {fakeopenai.Fail(400, "context_length_exceeded"), fakeopenai.Step{}, 1, "", 0, 0},
		"after nothing was said":       {fakeopenai.Say(" \n"), fakeopenai.Step{}, 1, "", 0, 0},
		"not for what was refused":     {fakeopenai.Fail(400, "content_filter"), fakeopenai.Step{}, 0, ai.CodeContentFilter, failure.Permanent, 0},
		"both fail for now":            {waits, fakeopenai.Fail(500, ""), 1, ai.CodeRateLimited, failure.Retry, 9 * time.Second},
		"one of them may recover":      {fakeopenai.Fail(401, ""), fakeopenai.Fail(503, ""), 1, ai.CodeModelUnavailable, failure.Retry, 0},
		"neither will":                 {fakeopenai.Fail(401, ""), fakeopenai.Fail(404, ""), 1, ai.CodeInvalidAPIKey, failure.Permanent, 0},
		"both say nothing":             {fakeopenai.Empty(), fakeopenai.Empty(), 1, ai.CodeEmptyReply, failure.Retry, 0},
		"the stream of both is broken": {fakeopenai.Cut(1), fakeopenai.Step{NoFinish: true}, 1, ai.CodeStreamCut, failure.Retry, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, primary := endpoint(t, "one:small")
			second, fallback := endpoint(t, "two:big")
			first.Always(test.primary)
			second.Always(test.fallback)
			a := ai.NewAssistant(ai.Options{Primary: primary, Fallbacks: []ai.Endpoint{fallback}})
			got, err := a.Reply(t.Context(), asking("hi"), nil)
			if p, f := len(first.Calls()), len(second.Calls()); p != 1 || f != test.fallbackCalls {
				t.Errorf("%d calls to the primary, %d to the fallback", p, f)
			}
			if test.code == "" {
				if err != nil || got.Text != "reply to: hi" || got.Endpoint != "two:big" {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if failure.CodeOf(err) != test.code || failure.KindOf(err) != test.kind || failure.WaitOf(err) != test.wait {
				t.Errorf("got %q, kind %d, wait %v: %v", failure.CodeOf(err), failure.KindOf(err), failure.WaitOf(err), err)
			}
		})
	}
}

// What was shown of a broken answer is not continued with another model's words.
func TestDeltasComeFromOneAnswer(t *testing.T) {
	t.Parallel()
	first, primary := endpoint(t, "one:small")
	_, fallback := endpoint(t, "two:big")
	first.Script(fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: 2, Pause: time.Second}})
	a := ai.NewAssistant(ai.Options{Primary: primary, Fallbacks: []ai.Endpoint{fallback}})
	var shown strings.Builder
	show := func(text string) { shown.WriteString(text) }
	got, err := a.Reply(t.Context(), asking("hi"), show)
	if err != nil || got.Text != "reply to: hi" || shown.String() != "reply to: " {
		t.Errorf("got %+v, %v; shown %q", got, err, shown.String())
	}
	shown.Reset()
	first.Script(fakeopenai.Fail(500, ""))
	if _, err := a.Reply(t.Context(), asking("hi"), show); err != nil || shown.String() != "reply to: hi" {
		t.Errorf("%v; shown %q: nothing was shown before, so the fallback's pieces are", err, shown.String())
	}
}

func TestUsageAndMetrics(t *testing.T) {
	t.Parallel()
	server, primary := endpoint(t, "openai:gpt-4o-mini")
	m := metrics.New()
	a := ai.NewAssistant(ai.Options{Primary: primary, SystemPrompt: "Be brief.", Metrics: m})
	reported, err := a.Reply(t.Context(), asking("hello there"), nil)
	if err != nil || reported.Estimated || reported.PromptTokens != 4 || reported.CompletionTokens != 4 {
		t.Errorf("reported: %+v, %v", reported, err)
	}
	server.Script(fakeopenai.Step{NoUsage: true}, fakeopenai.Fail(500, ""), fakeopenai.Fail(401, ""))
	c := ai.NewCounter()
	guess, err := a.Reply(t.Context(), asking("hello there"), nil)
	prompt := c.Count("Be brief.") + c.Count("hello there") + 2*4
	if err != nil || !guess.Estimated || guess.PromptTokens != prompt || guess.CompletionTokens != c.Count(guess.Text) {
		t.Errorf("estimated: %+v, %v", guess, err)
	}
	for range 2 {
		if _, err := a.Reply(t.Context(), asking("hi"), nil); err == nil {
			t.Error("the scripted fault is no answer")
		}
	}
	for outcome, want := range map[string]float64{"ok": 2, "retry": 1, "permanent": 1, "cancelled": 0} {
		if got := testutil.ToFloat64(m.ModelCalls.WithLabelValues("openai:gpt-4o-mini", outcome)); got != want {
			t.Errorf("%s: %v calls, want %v", outcome, got, want)
		}
	}
	if got := testutil.ToFloat64(m.Tokens.WithLabelValues("openai:gpt-4o-mini", "prompt")); got != float64(4+prompt) {
		t.Errorf("%v prompt tokens", got)
	}
	if got := testutil.ToFloat64(m.Tokens.WithLabelValues("openai:gpt-4o-mini", "completion")); got != float64(4+guess.CompletionTokens) {
		t.Errorf("%v completion tokens", got)
	}
	if n := testutil.CollectAndCount(m.Cost); n != 0 {
		t.Errorf("a cost of %d models without a price", n)
	}
}

func TestTimeoutGoesToTheFallback(t *testing.T) {
	t.Parallel()
	first, primary := endpoint(t, "one:small")
	first.Always(fakeopenai.Hang())
	_, fallback := endpoint(t, "two:big")
	got, err := ai.NewAssistant(ai.Options{
		Primary: primary, Fallbacks: []ai.Endpoint{fallback}, Timeout: 500 * time.Millisecond,
	}).Reply(t.Context(), asking("hi"), nil)
	if err != nil || got.Endpoint != "two:big" {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := first.WaitLeft(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

// stuck answers only when its context ends.
type stuck struct{}

func (stuck) Generate(ctx context.Context, _ ai.Request, _ func(string)) (ai.Response, error) {
	<-ctx.Done()
	return ai.Response{}, ctx.Err()
}

func TestTimeoutIsForEachEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := ai.Endpoint{Name: "stuck", Model: stuck{}, ModelName: "stuck"}
		a := ai.NewAssistant(ai.Options{Primary: e, Fallbacks: []ai.Endpoint{e}, Timeout: 2 * time.Minute})
		start := time.Now()
		_, err := a.Reply(t.Context(), asking("hi"), nil)
		if failure.KindOf(err) != failure.Retry || failure.CodeOf(err) != ai.CodeTimeout {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 4*time.Minute {
			t.Errorf("took %v for two endpoints of two minutes each", took)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	first, primary := endpoint(t, "one:small")
	second, fallback := endpoint(t, "two:big")
	first.Always(fakeopenai.Hang())
	m := metrics.New()
	a := ai.NewAssistant(ai.Options{Primary: primary, Fallbacks: []ai.Endpoint{fallback}, Timeout: time.Hour, Metrics: m})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() {
		_, err := a.Reply(ctx, asking("hi"), nil)
		done <- err
	}()
	if _, err := first.WaitCalls(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || failure.KindOf(err) != failure.Internal {
		t.Errorf("got %v, want the context's error as it is", err)
	}
	if len(second.Calls()) != 0 {
		t.Error("nobody wants the fallback's answer")
	}
	if got := testutil.ToFloat64(m.ModelCalls.WithLabelValues("one:small", "cancelled")); got != 1 {
		t.Errorf("%v cancelled calls", got)
	}
}

func TestNothingToAnswer(t *testing.T) {
	t.Parallel()
	server, primary := endpoint(t, "one:small")
	_, err := ai.NewAssistant(ai.Options{Primary: primary}).Reply(t.Context(), ai.Ask{}, nil)
	if failure.KindOf(err) != failure.Invalid || len(server.Calls()) != 0 {
		t.Errorf("got %v after %d calls", err, len(server.Calls()))
	}
}

// The log says what failed, never what was said.
func TestLogHoldsNoMessages(t *testing.T) {
	t.Parallel()
	server, primary := endpoint(t, "one:small")
	server.Script(fakeopenai.Step{}, fakeopenai.Fail(500, ""))
	var logged bytes.Buffer
	a := ai.NewAssistant(ai.Options{
		Primary: primary,
		Logger:  slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for range 2 {
		_, _ = a.Reply(t.Context(), asking("my diary"), nil)
	}
	if !strings.Contains(logged.String(), ai.CodeModelUnavailable) || strings.Contains(logged.String(), "diary") {
		t.Errorf("log: %s", logged.String())
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	echo := ai.Endpoint{Name: ai.EchoModel, Model: ai.NewEcho(ai.NewCounter()), ModelName: ai.EchoModel}
	a := ai.NewAssistant(ai.Options{Primary: echo, SystemPrompt: "Be brief.", ContextTokens: 8000})
	var pieces []string
	ask := ai.Ask{History: []conversation.Message{said("old"), answered("x")}, New: []conversation.Message{said("first"), said("hello world")}}
	got, err := a.Reply(t.Context(), ask, func(text string) { pieces = append(pieces, text) })
	if err != nil {
		t.Fatal(err)
	}
	hint, ok := strings.CutPrefix(got.Text, "You said: first\n\nhello world\n\n")
	if !ok || strings.Count(hint, "\n") != 0 {
		t.Errorf("got %q", got.Text)
	}
	for _, want := range []string{"offline echo model", "OPENAI_API_KEY", "ai.base_url", "ai.model", "config.yaml", "parley doctor"} {
		if !strings.Contains(hint, want) {
			t.Errorf("the hint does not mention %s: %q", want, hint)
		}
	}
	if len(pieces) < 10 || strings.Join(pieces, "") != got.Text {
		t.Errorf("pieces %q", pieces)
	}
	if got.Model != ai.EchoModel || got.FinishReason != "stop" || got.PromptTokens != 4 || got.CompletionTokens < 10 || got.Estimated {
		t.Errorf("got %+v", got)
	}
	ask.Say = sentences.NewBook().Voice(sentences.Chinese, nil).Say
	if got, err := a.Reply(t.Context(), ask, nil); err != nil || !strings.HasPrefix(got.Text, "您说：first\n\nhello world\n\n") {
		t.Errorf("in Chinese: %q, %v", got.Text, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Reply(ctx, ask, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestApology(t *testing.T) {
	t.Parallel()
	const secret = "dial tcp 10.0.0.7:443 sk-123"
	about := map[string]string{
		ai.CodeRateLimited: "overloaded", ai.CodeModelUnavailable: "overloaded", ai.CodeTimeout: "overloaded",
		ai.CodeNetwork: "overloaded", ai.CodeStreamCut: "overloaded", ai.CodeBadAnswer: "overloaded",
		ai.CodeContextTooLong: "too long", ai.CodeAnswerTooLarge: "too long", ai.CodeContentFilter: "declined",
		ai.CodeInvalidAPIKey: "configuration", ai.CodeForbidden: "configuration", ai.CodeModelNotFound: "configuration",
		ai.CodeInsufficientQuota: "configuration", ai.CodeBadRequest: "configuration",
		ai.CodeEmptyReply: "couldn't come up", ai.CodeEmptyRequest: "couldn't come up", "else": "went wrong",
	}
	say := sentences.Voice{}.Say
	for code, want := range about {
		got := ai.Apology(failure.New(failure.Permanent, code, secret, errors.New(secret)), say)
		if !strings.Contains(got, want) || strings.Contains(got, "sk-") || !strings.HasPrefix(got, "Sorry, ") {
			t.Errorf("%s: %q, want something with %q", code, got, want)
		}
	}
	if got := ai.Apology(errors.New(secret), say); got != ai.Apology(failure.New(failure.Internal, "", "", nil), say) {
		t.Errorf("got %q", got)
	}
	for wait, want := range map[time.Duration]string{time.Minute: "overloaded", 3480 * time.Second: "58 minutes", 20 * time.Hour: "20 hours"} {
		if got := ai.Apology(failure.RetryAfter(wait, ai.CodeRateLimited, secret, nil), say); !strings.Contains(got, want) {
			t.Errorf("after %v: %q", wait, got)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	server, err := fakeopenai.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	client := openai.New(openai.Options{BaseURL: server.URL(), Stream: true, HTTPClient: &http.Client{}})
	a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "one:small", Model: client, ModelName: "small"}, ContextTokens: 8000})
	for b.Loop() {
		if _, err := a.Reply(b.Context(), asking("hello"), nil); err != nil {
			b.Fatal(err)
		}
	}
}
