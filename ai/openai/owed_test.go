package openai_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// used is a conversation in which another model has used a tool.
func used() []conversation.Message {
	call := conversation.ToolCall{ID: "call_a", Type: "function"}
	call.Function.Name, call.Function.Arguments = "weather", "{}"
	return []conversation.Message{
		user("hello"),
		{Role: conversation.RoleAssistant, Content: "hi"},
		user("how is the weather?"),
		{Role: conversation.RoleAssistant, Metadata: map[string]any{message.MetaToolCalls: []conversation.ToolCall{call}}},
		{Role: conversation.RoleTool, Content: "sunny", Metadata: map[string]any{message.MetaToolCallID: "call_a"}},
		{Role: conversation.RoleAssistant, Content: "sunny"},
		user("thanks"),
	}
}

// Who is told not to use tools is told of them all the same.
func TestNoCalls(t *testing.T) {
	t.Parallel()
	for _, responses := range []bool{false, true} {
		var sent string
		c := openai.New(openai.Options{BaseURL: "http://model.test/v1", Responses: responses, HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
			body, _ := io.ReadAll(r.Body)
			sent = string(body)
			return said(r)
		})}})
		ask := question("hi")
		ask.Tools, ask.NoCalls = []ai.Tool{{Name: "weather", Schema: []byte("{}")}}, true
		if _, err := c.Generate(t.Context(), ask, nil); err != nil {
			t.Error(err)
		}
		if !strings.Contains(sent, `"tool_choice":"none"`) || !strings.Contains(sent, `"weather"`) {
			t.Error(sent)
		}
	}
}

// What a provider wants back is known by what it or its model is called, and else
// learnt from its refusal, once.
func TestWantedBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		named    string
		model    string
		provider fakeopenai.Provider
		refused  int
	}{
		"by the provider's name":        {"DeepSeek", "m-1", fakeopenai.DeepSeek, 0},
		"by the model's name":           {"proxy", "moonshotai/Kimi-K3", fakeopenai.Kimi, 0},
		"a model that demands":          {"google", "gemini-3.1-flash", fakeopenai.Gemini, 0},
		"thoughts behind another name":  {"proxy", "m-1", fakeopenai.DeepSeek, 1},
		"signatures behind a name":      {"proxy", "m-1", fakeopenai.Gemini, 1},
		"a proxy that knows no thought": {"proxy", "deepseek-v4", fakeopenai.Groq, 1},
		"nothing is wanted":             {"openai", "gpt-5", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			server.Speak(test.provider)
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			c := openai.New(openai.Options{Name: test.named, BaseURL: server.URL(), HTTPClient: &http.Client{Transport: transport}})
			for range 2 {
				got, err := c.Generate(t.Context(), ai.Request{Model: test.model, Messages: used()}, nil)
				if err != nil || got.Text != "reply to: thanks" {
					t.Fatalf("%q, %v", got.Text, err)
				}
			}
			if calls := len(server.Calls()); calls != 2+test.refused {
				t.Errorf("%d calls, want %d refused", calls, test.refused)
			}
		})
	}
}
