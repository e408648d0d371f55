package openai_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// Case 37: what one person says in a row, because a turn failed or several
// messages are answered together, is one message where roles have to alternate.
func TestCase37RolesAlternate(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.RequireAlternation()
	ask := ai.Request{Model: "m", Messages: []conversation.Message{
		user("failed"), user("one"), user(""), user("two"),
		{Role: conversation.RoleAssistant, Content: "half"},
		{Role: conversation.RoleAssistant, Content: "whole"},
		user("three"),
	}}
	if _, err := client(t, server, true).Generate(t.Context(), ask, nil); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range server.Calls()[0].Messages {
		got = append(got, m.Role+"="+m.Content)
	}
	if want := "user=failed\n\none\n\ntwo|assistant=half\n\nwhole|user=three"; strings.Join(got, "|") != want {
		t.Errorf("sent %q", got)
	}
}

// Case 42: a parameter that an endpoint refuses is left out from then on.
func TestCase42RefusedParameters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		gone   []string
		there  string
	}{
		"user": {400, `{"error":{"message":"Unrecognized request argument supplied: user","type":"invalid_request_error"}}`, []string{`"user":"u`}, "stream_options"},
		"user, pydantic": {
			422, `{"detail":[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted","input":"u"}]}`, []string{`"user":"u`}, "stream_options",
		},
		"stream_options": {400, `{"error":"property 'stream_options' is unsupported"}`, []string{"stream_options"}, `"user":"u`},
		"output limit": {
			400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}`,
			[]string{"max_tokens"},
			`"max_completion_tokens":700`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			server.Script(fakeopenai.Step{Status: test.status, Body: test.body})
			c := client(t, server, true)
			ask := question("hi")
			ask.User, ask.MaxTokens = "u-hash", 700
			for range 2 {
				if got, err := c.Generate(t.Context(), ask, nil); err != nil || got.Text != "reply to: hi" {
					t.Fatalf("%+v, %v", got, err)
				}
			}
			calls := server.Calls()
			if len(calls) != 3 {
				t.Fatalf("%d calls, want the refused one and two more", len(calls))
			}
			for _, call := range calls[1:] {
				for _, gone := range test.gone {
					if strings.Contains(string(call.Body), gone) {
						t.Errorf("%s was sent again: %s", gone, call.Body)
					}
				}
				if !strings.Contains(string(call.Body), test.there) {
					t.Errorf("%s is missing: %s", test.there, call.Body)
				}
			}
		})
	}
}

// Of a request that is refused for another reason nothing is left out, though its
// message speaks of a user.
func TestOtherRefusalsTeachNothing(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"Unsupported content in the user message", "Conversation roles must alternate user/assistant, this is not supported", "unknown thing",
	} {
		server := start(t)
		server.Always(fakeopenai.Step{Status: 400, Body: `{"error":{"message":"` + message + `"}}`})
		ask := question("hi")
		ask.User = "u-hash"
		_, err := client(t, server, true).Generate(t.Context(), ask, nil)
		expect(t, err, failure.Permanent, ai.CodeBadRequest)
		if n := len(server.Calls()); n != 1 {
			t.Errorf("%s: %d calls", message, n)
		}
	}
}

// Case 51: what people copy along with a base URL does no harm, and a redirect is
// named instead of followed with the key.
func TestCase51BaseURL(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"", "/", "/chat/completions", "/chat/completions/", "/models", "?api-version=2025-04-01", "/chat/completions?api-version=2025-04-01"} {
		server := start(t)
		var asked string
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		c := openai.New(openai.Options{BaseURL: server.URL() + end, Stream: true, HTTPClient: &http.Client{
			Transport: spy(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.RequestURI()
				return transport.RoundTrip(r)
			}),
		}})
		if _, err := c.Generate(t.Context(), question("hi"), nil); err != nil {
			t.Errorf("%s: %v", end, err)
		}
		want := "/v1/chat/completions"
		if strings.Contains(end, "?") {
			want += "?api-version=2025-04-01"
		}
		if asked != want {
			t.Errorf("%s: %s", end, asked)
		}
	}
	server := start(t)
	server.Always(fakeopenai.Step{Status: 308, Header: http.Header{"Location": {"https://api.example.com/v1/chat/completions?key=secret"}}})
	_, err := client(t, server, true).Generate(t.Context(), question("hi"), nil)
	expect(t, err, failure.Permanent, ai.CodeBadRequest)
	if err == nil || !strings.Contains(err.Error(), "https://api.example.com/v1:") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the log says %v", err)
	}
}

type spy func(*http.Request) (*http.Response, error)

func (s spy) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// Case 36: a model that was found to begin with its thoughts is not shown while it
// writes, until it is known that it thinks no more.
func TestCase36ThoughtsAreNotShownWhileTheyCome(t *testing.T) {
	t.Parallel()
	for name, model := range map[string]string{"known by its name": "deepseek-r1:8b", "found out": "m-1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			c := client(t, server, true)
			ask := question("hi")
			ask.Model = model
			if name == "found out" {
				server.Script(fakeopenai.Step{Pieces: []string{"hmm", "</think>", "yes"}})
				if got, err := c.Generate(t.Context(), ask, nil); err != nil || got.Text != "yes" {
					t.Fatalf("%+v, %v", got, err)
				}
			}
			gate := make(chan struct{})
			server.Script(fakeopenai.Step{Pieces: []string{"secret ", "thought", "</think>yes"}, Slow: gate})
			go func() {
				for range 3 {
					gate <- struct{}{}
				}
			}()
			var seen strings.Builder
			got, err := c.Generate(t.Context(), ask, func(s string) { seen.WriteString(s) })
			if err != nil || got.Text != "yes" || seen.String() != "yes" {
				t.Errorf("%+v, %v; shown %q", got, err, seen.String())
			}
		})
	}
}

// A tag in code is only spoken of.
func TestTagsInCodeStay(t *testing.T) {
	t.Parallel()
	const text = "Models write `<think>` and `</think>`:\n```\n<think>hm</think>\n```\nThat is all."
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		server := start(t)
		server.Script(fakeopenai.Step{Text: new(text), Pieces: strings.SplitAfter(text, "")})
		got, err := client(t, server, stream).Generate(t.Context(), question("hi"), nil)
		if err != nil || got.Text != text {
			t.Errorf("%q, %v", got.Text, err)
		}
	})
}

// What a provider wants beside the protocol goes along with each request, and none
// of it is repeated in an error.
func TestProviderOptions(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Script(fakeopenai.Step{}, fakeopenai.Step{Status: 401, Body: `{"error":"wrong key geheim-0123456789"}`})
	var asked *http.Request
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := openai.New(openai.Options{
		BaseURL: server.URL() + "?a=1", Headers: map[string]string{"Api-Key": "geheim-0123456789", "Authorization": "Token x"},
		Query: map[string]string{"api-version": "2"}, ExtraBody: map[string]any{"n": 1, "model": "other"}, Drop: []string{"user"}, APIKey: testKey,
		HTTPClient: &http.Client{Transport: spy(func(r *http.Request) (*http.Response, error) {
			asked = r
			return transport.RoundTrip(r)
		})},
	})
	ask := question("hi")
	ask.User = "u-hash"
	if _, err := c.Generate(t.Context(), ask, nil); err != nil {
		t.Fatal(err)
	}
	body := string(server.Calls()[0].Body)
	if asked.URL.RawQuery != "a=1&api-version=2" || asked.Header.Get("Authorization") != "Token x" || asked.Header.Get("Api-Key") == "" ||
		!strings.Contains(body, `"n":1`) || !strings.Contains(body, `"model":"other"`) || strings.Contains(body, "u-hash") {
		t.Errorf("%s %v %s", asked.URL, asked.Header, body)
	}
	_, err := c.Generate(t.Context(), ask, nil)
	expect(t, err, failure.Permanent, ai.CodeInvalidAPIKey)
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("a secret is in %v", err)
	}
}

// However many thoughts there are, reading them takes no longer than their length.
func TestManyThoughtsAreReadAtOnce(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Script(fakeopenai.Say(strings.Repeat("<think>a</think>b[<`c`", 100_000)))
	begun := time.Now()
	got, err := client(t, server, false).Generate(t.Context(), question("hi"), nil)
	if took := time.Since(begun); err != nil || !strings.HasPrefix(got.Text, "b[<`c`b") || took > 10*time.Second {
		t.Errorf("%d bytes after %v, %v", len(got.Text), took, err)
	}
}
