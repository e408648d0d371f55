package openai_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

const testKey = "sk-test-0123456789"

func start(t *testing.T) *fakeopenai.Server {
	t.Helper()
	server, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func client(t *testing.T, server *fakeopenai.Server, stream bool) *openai.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return openai.New(openai.Options{
		BaseURL: server.URL(), APIKey: testKey, Stream: stream,
		HTTPClient: &http.Client{Transport: transport},
		Now:        func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) },
	})
}

func user(text string) conversation.Message {
	return conversation.Message{Role: conversation.RoleUser, Content: text}
}

func question(text string) ai.Request {
	return ai.Request{Model: "gpt-4o-mini", Messages: []conversation.Message{user(text)}}
}

// both runs the test with a stream and with an answer in one piece.
func both(t *testing.T, test func(t *testing.T, stream bool)) {
	t.Helper()
	for name, stream := range map[string]bool{"stream": true, "whole": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, stream)
		})
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		server := start(t)
		server.RequireKey(testKey)
		server.Script(fakeopenai.Say("héllo 👩‍👩‍👧 wide 世界"))
		var deltas []string
		got, err := client(t, server, stream).Generate(t.Context(), question("one two three"),
			func(text string) { deltas = append(deltas, text) })
		if err != nil {
			t.Fatal(err)
		}
		want := ai.Response{
			Text: "héllo 👩‍👩‍👧 wide 世界", Model: "gpt-4o-mini", FinishReason: "stop",
			Usage: ai.Usage{PromptTokens: 3, CompletionTokens: 4},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if joined := strings.Join(deltas, ""); joined != want.Text {
			t.Errorf("deltas make %q", joined)
		}
		if stream && len(deltas) != 4 {
			t.Errorf("%d deltas, want one for each word", len(deltas))
		}
		call := server.Calls()[0]
		if call.Stream != stream || call.IncludeUsage != stream {
			t.Errorf("stream %v, include_usage %v", call.Stream, call.IncludeUsage)
		}
	})
}

func TestRequestShape(t *testing.T) {
	t.Parallel()
	server := start(t)
	call := map[string]any{"id": "c1", "type": "function", "function": map[string]any{"name": "weather", "arguments": `{"city":"Paris"}`}}
	_, err := client(t, server, true).Generate(t.Context(), ai.Request{
		Model: "m", System: "Be brief.", User: "u-hash",
		Messages: []conversation.Message{
			user("weather?"),
			{Role: conversation.RoleAssistant, Metadata: map[string]any{"tool_calls": []any{call}}},
			{Role: conversation.RoleTool, Metadata: map[string]any{"tool_call_id": "c1", "tool_name": "weather"}},
			{Role: conversation.RoleAssistant, Content: "Rain."},
			user(""),
		},
	}, nil)
	if err != nil {
		t.Fatal(err) // the fake refuses what the real API refuses
	}
	got := server.Calls()[0]
	var roles []string
	for _, m := range got.Messages {
		roles = append(roles, m.Role)
	}
	if r := strings.Join(roles, " "); r != "system user assistant tool assistant user" {
		t.Errorf("roles %q", r)
	}
	if got.Model != "m" || got.User != "u-hash" || got.Messages[0].Content != "Be brief." {
		t.Errorf("model %q, user %q, system %q", got.Model, got.User, got.Messages[0].Content)
	}
	sent := got.Messages[2].ToolCalls
	if len(sent) != 1 || sent[0].ID != "c1" || sent[0].Type != "function" ||
		sent[0].Function.Name != "weather" || sent[0].Function.Arguments != `{"city":"Paris"}` {
		t.Errorf("tool calls %+v", sent)
	}
	if got.Messages[3].ToolCallID != "c1" {
		t.Errorf("tool result of %q", got.Messages[3].ToolCallID)
	}
}

func TestBaseURLWithSlash(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := openai.New(openai.Options{BaseURL: server.URL() + "/", Stream: true})
	if _, err := c.Generate(t.Context(), question("hi"), nil); err != nil {
		t.Fatal(err)
	}
	if h := server.Calls()[0].Header.Get("Authorization"); h != "" {
		t.Errorf("without a key there is no Authorization header; got %q", h)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	headers := func(step fakeopenai.Step, kv ...string) fakeopenai.Step {
		step.Header = http.Header{}
		for i := 0; i < len(kv); i += 2 {
			step.Header.Set(kv[i], kv[i+1])
		}
		return step
	}
	limited := fakeopenai.RateLimited("")
	tests := map[string]struct {
		step fakeopenai.Step
		kind failure.Kind
		code string
		wait time.Duration
	}{
		"429 without a wait":         {limited, failure.Retry, ai.CodeRateLimited, 0},
		"429 seconds":                {fakeopenai.RateLimited("7"), failure.Retry, ai.CodeRateLimited, 7 * time.Second},
		"429 part of a second":       {fakeopenai.RateLimited("0.25"), failure.Retry, ai.CodeRateLimited, 250 * time.Millisecond},
		"429 date":                   {fakeopenai.RateLimited("Fri, 20 Nov 2026 12:01:30 GMT"), failure.Retry, ai.CodeRateLimited, 90 * time.Second},
		"429 date in the past":       {fakeopenai.RateLimited("Fri, 20 Nov 2026 11:00:00 GMT"), failure.Retry, ai.CodeRateLimited, 0},
		"429 negative":               {fakeopenai.RateLimited("-5"), failure.Retry, ai.CodeRateLimited, 0},
		"429 not a number":           {fakeopenai.RateLimited("NaN"), failure.Retry, ai.CodeRateLimited, 0},
		"429 for ever":               {fakeopenai.RateLimited("1e300"), failure.Retry, ai.CodeRateLimited, 24 * time.Hour},
		"429 nonsense":               {fakeopenai.RateLimited("soon"), failure.Retry, ai.CodeRateLimited, 0},
		"429 milliseconds win":       {headers(limited, "Retry-After", "9", "retry-after-ms", "1500"), failure.Retry, ai.CodeRateLimited, 1500 * time.Millisecond},
		"429 out of quota":           {fakeopenai.Fail(429, "insufficient_quota"), failure.Permanent, ai.CodeInsufficientQuota, 0},
		"429 no body":                {fakeopenai.Step{Status: 429}, failure.Retry, ai.CodeRateLimited, 0},
		"402":                        {fakeopenai.Fail(402, ""), failure.Permanent, ai.CodeInsufficientQuota, 0},
		"500":                        {fakeopenai.Fail(500, ""), failure.Retry, ai.CodeModelUnavailable, 0},
		"503 with a wait":            {headers(fakeopenai.Fail(503, ""), "Retry-After", "3"), failure.Retry, ai.CodeModelUnavailable, 3 * time.Second},
		"502 page of a proxy":        {fakeopenai.Step{Status: 502, Body: "<html>Bad gateway</html>"}, failure.Retry, ai.CodeModelUnavailable, 0},
		"500 huge page":              {fakeopenai.Step{Status: 500, Body: strings.Repeat("x", 1<<20)}, failure.Retry, ai.CodeModelUnavailable, 0},
		"408":                        {fakeopenai.Fail(408, ""), failure.Retry, ai.CodeTimeout, 0},
		"409":                        {fakeopenai.Fail(409, ""), failure.Retry, ai.CodeModelUnavailable, 0},
		"401":                        {fakeopenai.Fail(401, "invalid_api_key"), failure.Permanent, ai.CodeInvalidAPIKey, 0},
		"401 cut":                    {headers(fakeopenai.Step{Status: 401, Body: "{"}, "Content-Length", "100"), failure.Permanent, ai.CodeInvalidAPIKey, 0},
		"401 without a code":         {fakeopenai.Step{Status: 401}, failure.Permanent, ai.CodeInvalidAPIKey, 0},
		"403":                        {fakeopenai.Fail(403, ""), failure.Permanent, ai.CodeForbidden, 0},
		"404":                        {fakeopenai.Fail(404, "model_not_found"), failure.Permanent, ai.CodeModelNotFound, 0},
		"400 too long":               {fakeopenai.Fail(400, "context_length_exceeded"), failure.Permanent, ai.CodeContextTooLong, 0},
		"413":                        {fakeopenai.Fail(413, ""), failure.Permanent, ai.CodeContextTooLong, 0},
		"400 filtered":               {fakeopenai.Fail(400, "content_filter"), failure.Permanent, ai.CodeContentFilter, 0},
		"400":                        {fakeopenai.Fail(400, "unknown_thing"), failure.Permanent, ai.CodeBadRequest, 0},
		"422 of a framework":         {fakeopenai.Step{Status: 422, Body: `{"detail":[{"msg":"field required"}]}`}, failure.Permanent, ai.CodeBadRequest, 0},
		"permanent has no wait":      {headers(fakeopenai.Fail(401, ""), "Retry-After", "3"), failure.Permanent, ai.CodeInvalidAPIKey, 0},
		"garbage":                    {fakeopenai.Garbage(), failure.Retry, ai.CodeBadAnswer, 0},
		"garbage within the framing": {fakeopenai.Step{Raw: "data: {\"choices\": nonsense\n\n"}, failure.Retry, ai.CodeBadAnswer, 0},
		"wrong types":                {fakeopenai.Step{Raw: "data: {\"choices\": \"none\"}\n\n"}, failure.Retry, ai.CodeBadAnswer, 0},
		"filtered while answering":   {fakeopenai.Step{FinishReason: "content_filter"}, failure.Permanent, ai.CodeContentFilter, 0},
	}
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server := start(t)
				server.Script(test.step)
				_, err := client(t, server, stream).Generate(t.Context(), question("hi"), nil)
				expect(t, err, test.kind, test.code)
				if got := failure.WaitOf(err); got != test.wait {
					t.Errorf("wait %v, want %v", got, test.wait)
				}
			})
		}
	})
}

func expect(t *testing.T, err error, kind failure.Kind, code string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if k, c := failure.KindOf(err), failure.CodeOf(err); k != kind || c != code {
		t.Errorf("kind %d, code %q; want %d, %q (%v)", k, c, kind, code, err)
	}
	if len(err.Error()) > 500 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	const chunk = `data: {"choices":[{"index":0,"delta":{"content":"half "}}]}` + "\n\n"
	tests := map[string]struct {
		step fakeopenai.Step
		kind failure.Kind
		code string
	}{
		"connection cut":   {fakeopenai.Cut(1), failure.Retry, ai.CodeStreamCut},
		"no finish reason": {fakeopenai.Step{NoFinish: true}, failure.Retry, ai.CodeStreamCut},
		"empty body":       {fakeopenai.Step{Raw: "\n"}, failure.Retry, ai.CodeBadAnswer},
		"error in the middle": {
			fakeopenai.Step{Raw: chunk + `data: {"error":{"message":"boom","type":"server_error"}}` + "\n\n"},
			failure.Retry, ai.CodeModelUnavailable,
		},
		"quota in the middle": {
			fakeopenai.Step{Raw: chunk + `data: {"error":{"message":"no","code":"insufficient_quota"}}` + "\n\n"},
			failure.Permanent, ai.CodeInsufficientQuota,
		},
		"status as a number in the middle": {
			fakeopenai.Step{Raw: chunk + `data: {"error":{"message":"no","code":401}}` + "\n\n"},
			failure.Permanent, ai.CodeInvalidAPIKey,
		},
		"finish reason error": {fakeopenai.Step{FinishReason: "error"}, failure.Retry, ai.CodeModelUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			server.Script(test.step)
			_, err := client(t, server, true).Generate(t.Context(), question("hi"), nil)
			expect(t, err, test.kind, test.code)
		})
	}
}

func TestWholeFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step fakeopenai.Step
		kind failure.Kind
		code string
	}{
		"connection cut": {fakeopenai.Cut(1), failure.Retry, ai.CodeStreamCut},
		"no choice":      {fakeopenai.Step{Raw: `{"choices":[]}`}, failure.Retry, ai.CodeBadAnswer},
		"endless thoughts": {
			fakeopenai.Step{Raw: `{"choices":[{"message":{"reasoning_content":"` + strings.Repeat("hmm ", 8<<20) + `","content":"yes"}}]}`},
			failure.Permanent, ai.CodeAnswerTooLarge,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			server.Script(test.step)
			_, err := client(t, server, false).Generate(t.Context(), question("hi"), nil)
			expect(t, err, test.kind, test.code)
		})
	}
}

func TestCompleteAnswers(t *testing.T) {
	t.Parallel()
	const half = `data: {"choices":[{"index":0,"delta":{"content":"all"}}]}` + "\n\n"
	const stop = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	tests := map[string]struct {
		step   fakeopenai.Step
		text   string
		reason string
	}{
		"cut by the model's own limit": {fakeopenai.Step{FinishReason: "length"}, "reply to: hi", "length"},
		"no usage":                     {fakeopenai.Step{NoUsage: true}, "reply to: hi", "stop"},
		"connection ends after finish": {fakeopenai.Step{Raw: half + stop}, "all", "stop"},
		"chunk without choices first":  {fakeopenai.Step{Raw: "data: {\"choices\":[]}\n\n" + half + stop}, "all", "stop"},
		"other choices": {
			fakeopenai.Step{Raw: `data: {"choices":[{"index":1,"delta":{"content":"x"}}]}` + "\n\n" + half + stop}, "all", "stop",
		},
		"done without finish": {fakeopenai.Step{Raw: half + "data: [DONE]\n\n"}, "all", "stop"},
		"keep-alive comments": {fakeopenai.Step{Raw: strings.Repeat(": PROCESSING\n\n", 5000) + half + stop}, "all", "stop"},
		"refusal in the model's words": {
			fakeopenai.Step{Raw: `data: {"choices":[{"index":0,"delta":{"refusal":"I won't."},"finish_reason":"stop"}]}` + "\n\n"},
			"I won't.", "stop",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			server.Script(test.step)
			got, err := client(t, server, true).Generate(t.Context(), question("hi"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.Text != test.text || got.FinishReason != test.reason {
				t.Errorf("got %q, %q", got.Text, got.FinishReason)
			}
			if got.Model != "gpt-4o-mini" {
				t.Errorf("model %q: what the endpoint does not name is what was asked for", got.Model)
			}
		})
	}
}

// A finished answer is given even when the endpoint then holds the connection open.
func TestStreamLeftOpenAfterFinish(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Script(fakeopenai.Step{NoDone: true})
	got, err := client(t, server, true).Generate(t.Context(), question("hi"), nil)
	if err != nil || got.Text != "reply to: hi" || got.PromptTokens != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := server.WaitLeft(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		server := start(t)
		server.Script(fakeopenai.Hang())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error)
		go func() {
			_, err := client(t, server, stream).Generate(ctx, question("hi"), nil)
			done <- err
		}()
		if _, err := server.WaitCalls(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || failure.KindOf(err) != failure.Internal {
			t.Errorf("got %v, want the context's error as it is", err)
		}
		if err := server.WaitLeft(t.Context(), 1); err != nil {
			t.Error(err)
		}
	})
}

func TestCallerGivesUpBetweenTokens(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Script(fakeopenai.Step{FirstToken: make(chan struct{})})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := client(t, server, true).Generate(ctx, question("hi"), nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestSlowFirstToken(t *testing.T) {
	t.Parallel()
	server := start(t)
	gate := make(chan struct{})
	server.Script(fakeopenai.Step{FirstToken: gate})
	go func() {
		_, _ = server.WaitCalls(t.Context(), 1)
		close(gate)
	}()
	got, err := client(t, server, true).Generate(t.Context(), question("hi"), nil)
	if err != nil || got.Text != "reply to: hi" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		server := start(t)
		c := client(t, server, stream)
		server.Close()
		_, err := c.Generate(t.Context(), question("hi"), nil)
		expect(t, err, failure.Retry, ai.CodeNetwork)
	})
}

func TestClientTimeout(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Script(fakeopenai.Hang())
	c := openai.New(openai.Options{BaseURL: server.URL(), HTTPClient: &http.Client{Timeout: 50 * time.Millisecond}})
	_, err := c.Generate(t.Context(), question("hi"), nil)
	expect(t, err, failure.Retry, ai.CodeTimeout)
}

// However short it is, what signs in by an address is in no error that names the address.
func TestShortSecretsOfAnAddressThatNobodyAnswersAt(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://pw@127.0.0.1:1/v1?key=pw&pw", "http://me:pw@127.0.0.1:1/v1?pw=pw"} {
		c := openai.New(openai.Options{BaseURL: base})
		_, err := c.Generate(t.Context(), question("hi"), nil)
		expect(t, err, failure.Retry, ai.CodeNetwork)
		_, listed := c.Models(t.Context())
		_, heard := c.Transcribe(t.Context(), "whisper-1", ai.Recording{})
		for _, err := range []error{err, listed, heard} {
			if err == nil || strings.Contains(err.Error(), "pw") || !strings.Contains(err.Error(), "127.0.0.1:1/v1") {
				t.Errorf("%v", err)
			}
		}
	}
}

// Who signs in by the address, and what its query says, may be keys as well.
func TestSecretsOfTheAddressStaySecret(t *testing.T) {
	t.Parallel()
	c := openai.New(openai.Options{
		BaseURL: "http://me:secret-password@model.test/v1?key=secret-1", Query: map[string]string{"other": "secret 2+"},
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
			r.SetBasicAuth("me", "secret-password")
			return &http.Response{StatusCode: http.StatusUnauthorized, Request: r, Body: io.NopCloser(strings.NewReader(fmt.Sprint(r.URL, r.Header)))}
		})},
	})
	_, err := c.Generate(t.Context(), question("hi"), nil)
	expect(t, err, failure.Permanent, ai.CodeInvalidAPIKey)
	for _, secret := range []string{"secret", "bWU6c2VjcmV0LXBhc3N3b3Jk"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s is in %q", secret, err)
		}
	}
	if !strings.Contains(err.Error(), "model.test") {
		t.Errorf("the message should still say where it was: %v", err)
	}
}

// The fake, like some endpoints, repeats a wrong key in its message.
func TestKeyStaysSecret(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		server := start(t)
		server.RequireKey("another")
		var logged bytes.Buffer
		c := openai.New(openai.Options{
			BaseURL: server.URL(), APIKey: testKey, Stream: stream,
			Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		_, err := c.Generate(t.Context(), question("hi"), nil)
		expect(t, err, failure.Permanent, ai.CodeInvalidAPIKey)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), testKey) {
				t.Errorf("the key is in %q", e)
			}
		}
		if !strings.Contains(err.Error(), "[api key]") {
			t.Errorf("the message should say that a key stood there: %v", err)
		}
		if logged.Len() == 0 || strings.Contains(logged.String(), testKey) {
			t.Errorf("log: %q", logged.String())
		}
	})
}

// A key that someone put into the URL would come back in Go's own errors.
func TestKeyInURLStaysSecret(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := openai.New(openai.Options{BaseURL: server.URL() + "/" + testKey, APIKey: testKey})
	server.Close()
	_, err := c.Generate(t.Context(), question("hi"), nil)
	expect(t, err, failure.Retry, ai.CodeNetwork)
	if strings.Contains(err.Error(), testKey) {
		t.Errorf("the key is in %q", err)
	}
}

// An endpoint's message may hold the prompt: the log gets only its beginning.
func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Script(fakeopenai.Step{Status: 400, Body: `{"error":{"message":"` + strings.Repeat("secret prose ", 1000) + `"}}`})
	_, err := client(t, server, true).Generate(t.Context(), question("hi"), nil)
	expect(t, err, failure.Permanent, ai.CodeBadRequest)
}

func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, true)
	for range 200 {
		if _, err := c.Generate(t.Context(), question("hi"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Connections(); n > 2 { // one; another may follow where the machine stalls
		t.Errorf("%d connections for 200 calls", n)
	}
}

func BenchmarkStream(b *testing.B) {
	server, err := fakeopenai.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	server.Always(fakeopenai.Say(strings.Repeat("word ", 100)))
	c := openai.New(openai.Options{BaseURL: server.URL(), Stream: true})
	for b.Loop() {
		if _, err := c.Generate(b.Context(), question("hi"), nil); err != nil {
			b.Fatal(err)
		}
	}
}
