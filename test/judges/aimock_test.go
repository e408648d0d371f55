package judges_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
)

// A mock of OpenAI's APIs that others have made, and compare with OpenAI every day,
// understands what we ask and is understood: both APIs, streams and whole answers,
// tools, thoughts, and faults.
func TestAimock(t *testing.T) {
	var address string
	for text := range heard(t, client(t, "aimock.mjs"), 1) {
		address = text
	}
	for _, responses := range []bool{false, true} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("responses %v, stream %v", responses, stream), func(t *testing.T) {
				c := openai.New(openai.Options{BaseURL: address + "/v1", APIKey: "sk-test", Responses: responses, Stream: stream})
				judged(t, c, stream)
			})
		}
	}
}

func judged(t *testing.T, c *openai.Client, stream bool) {
	t.Helper()
	ask := func(text string, more ...conversation.Message) (ai.Response, string, error) {
		var shown strings.Builder
		got, err := c.Generate(t.Context(), ai.Request{
			Model: "gpt-4o-mini", System: "Be brief.", MaxTokens: 100, User: "u1", CacheKey: "k1",
			Tools:    []ai.Tool{{Name: "weather", Description: "The weather in a city.", Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}}}`)}},
			Messages: append([]conversation.Message{{Role: conversation.RoleUser, Content: text}}, more...),
		}, func(piece string) { shown.WriteString(piece) })
		return got, shown.String(), err
	}
	for question, answer := range map[string]string{"hello": "Hi there, 你好!", "thoughtful": "Four."} {
		got, shown, err := ask(question)
		if err != nil || got.Text != answer || stream && shown != answer || got.FinishReason != "stop" || got.PromptTokens != 12 || got.CompletionTokens != 4 {
			t.Errorf("%s: %+v, %v; shown %q", question, got, err, shown)
		}
	}
	got, _, err := ask("weather")
	if err != nil || len(got.Calls) != 2 || got.Calls[1].Function.Name != "weather" || got.Calls[1].Function.Arguments != `{"city":"Rome"}` || got.Calls[0].ID == got.Calls[1].ID {
		t.Fatalf("%+v, %v", got, err)
	}
	used := []conversation.Message{{Role: conversation.RoleAssistant, Metadata: map[string]any{"tool_calls": got.Calls}, Opaque: got.Opaque}}
	for _, call := range got.Calls {
		used = append(used, conversation.Message{Role: conversation.RoleTool, Content: "rain", Metadata: map[string]any{"tool_call_id": call.ID, "tool_name": "weather"}})
	}
	if got, _, err := ask("weather", used...); err != nil || got.Text != "Rain in both." || len(got.Calls) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, _, err := ask("limited"); failure.KindOf(err) != failure.Retry {
		t.Errorf("limited: %v", err)
	}
	if got, _, err := ask("broken off"); stream && failure.KindOf(err) != failure.Retry {
		t.Errorf("broken off: %+v, %v", got, err)
	}
}
