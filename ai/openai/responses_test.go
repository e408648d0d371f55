package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
)

// A model that is only to be had by the Responses API is asked by it from then on,
// with nothing kept there.
func TestResponsesAreLearnt(t *testing.T) {
	t.Parallel()
	var asked []string
	var body map[string]any
	c := openai.New(openai.Options{BaseURL: "http://model.test/v1", HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
		asked = append(asked, r.URL.Path)
		text, _ := io.ReadAll(r.Body)
		body = nil
		_ = json.Unmarshal(text, &body)
		status, answer := 400, `{"error":{"message":"Function tools with reasoning_effort are not supported for this model in /v1/chat/completions. Please use /v1/responses instead."}}`
		if strings.HasSuffix(r.URL.Path, "/responses") {
			status, answer = 200, `{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"yes"}]}]}`
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(answer))}
	})}})
	call := map[string]any{"id": "c1", "type": "function", "function": map[string]any{"name": "weather", "arguments": `{}`}}
	ask := ai.Request{Model: "gpt-6-astra", System: "Be brief.", MaxTokens: 70, Messages: []conversation.Message{
		user("weather?"),
		{Role: conversation.RoleAssistant, Metadata: map[string]any{"tool_calls": []any{call}}},
		{Role: conversation.RoleTool, Content: "", Metadata: map[string]any{"tool_call_id": "c1", "tool_name": "weather"}},
		{Role: conversation.RoleAssistant, Content: "Rain."},
		user("and now?"),
	}}
	for range 2 {
		if got, err := c.Generate(t.Context(), ask, nil); err != nil || got.Text != "yes" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if want := []string{"/v1/chat/completions", "/v1/responses", "/v1/responses"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q", asked)
	}
	want := map[string]any{
		"model": "gpt-6-astra", "instructions": "Be brief.", "stream": false, "store": false, "max_output_tokens": 70.0,
		"input": []any{
			map[string]any{"type": "message", "role": "user", "content": "weather?"},
			map[string]any{"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
			map[string]any{"type": "function_call_output", "call_id": "c1", "output": ""},
			map[string]any{"type": "message", "role": "assistant", "content": "Rain."},
			map[string]any{"type": "message", "role": "user", "content": "and now?"},
		},
	}
	if !reflect.DeepEqual(body, want) {
		t.Errorf("sent %v\nwant %v", body, want)
	}
}
