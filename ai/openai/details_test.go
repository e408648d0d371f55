package openai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
)

const chatSaysYes = `200{"choices":[{"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]}`

// thinksOf is an answer that uses a tool, with so much thought beside it.
func thinksOf(thought string) string {
	return `200{"choices":[{"message":{"role":"assistant","reasoning":"plan","reasoning_details":[{"type":"reasoning.encrypted","data":"` + thought + `"}],` +
		`"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`
}

// askAgain makes the request that follows on a use of a tool.
func askAgain(t *testing.T, c *openai.Client, model string, first ai.Response) {
	t.Helper()
	ask := weather(
		conversation.Message{Role: conversation.RoleAssistant, Metadata: map[string]any{"tool_calls": first.Calls}, Opaque: first.Opaque},
		conversation.Message{Role: conversation.RoleTool, Content: "rain", Metadata: map[string]any{"tool_call_id": "c1", "tool_name": "weather"}},
	)
	ask.Model = model
	if got, err := c.Generate(t.Context(), ask, nil); err != nil || got.Text != "yes" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A router may have another provider go on, which cannot read what the first has
// enciphered. Then the request is made without it, and the next one with it again.
func TestBlocksThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ model, fault, instead string }{
		"a signature":  {"google/gemini-3.1-pro", "Corrupted thought signature.", "skip_thought_signature_validator"},
		"an item":      {"openai/gpt-5.5", "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.", ""},
		"nothing said": {"anthropic/claude-sonnet-5", "Provider returned error", ""},
		"a demand":     {"deepseek/deepseek-v4", "The `reasoning_content` in the thinking mode must be passed back to the API.", `"reasoning_content":"plan"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault, _ := json.Marshal(test.fault)
			e := &responder{answers: []string{thinksOf("gAAAA1"), `400{"error":{"code":400,"message":` + string(fault) + `}}`, chatSaysYes, chatSaysYes}}
			c := e.as(openai.Options{Name: "openrouter"})
			ask := weather()
			ask.Model = test.model
			first, err := c.Generate(t.Context(), ask, nil)
			if err != nil {
				t.Fatal(err)
			}
			askAgain(t, c, test.model, first)
			askAgain(t, c, test.model, first)
			for i, want := range []bool{false, true, false, true} {
				if has := strings.Contains(e.bodies[i], "gAAAA1"); has != want {
					t.Errorf("request %d: the blocks are there: %v: %s", i, has, e.bodies[i])
				}
			}
			if !strings.Contains(e.bodies[2], test.instead) {
				t.Errorf("no %s in %s", test.instead, e.bodies[2])
			}
		})
	}
}

// What is no refusal of the blocks costs no second call.
func TestOtherFaultsKeepTheBlocks(t *testing.T) {
	t.Parallel()
	e := &responder{answers: []string{thinksOf("gAAAA1"), `400{"error":{"code":400,"message":"No credits."}}`}}
	c := e.as(openai.Options{Name: "openrouter"})
	first, err := c.Generate(t.Context(), weather(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Generate(t.Context(), weather(afterUse(t, first)...), nil); err == nil || len(e.bodies) != 2 {
		t.Errorf("%v after %d calls", err, len(e.bodies))
	}
}

// Of more thoughts than are kept none are given back: in part they are refused.
func TestBlocksAreBounded(t *testing.T) {
	t.Parallel()
	for _, size := range []int{60 << 10, 65 << 10} {
		e := &responder{answers: []string{thinksOf(strings.Repeat("g", size)), chatSaysYes}}
		c := e.as(openai.Options{})
		first, err := c.Generate(t.Context(), weather(), nil)
		if err != nil || len(first.Opaque) > 64<<10+200 {
			t.Fatal(err, len(first.Opaque))
		}
		askAgain(t, c, "gpt-6-astra", first)
		if has, want := strings.Contains(e.bodies[1], "reasoning_details"), size < 64<<10; has != want {
			t.Errorf("of %d bytes some go back: %v", size, has)
		}
	}
}

// What another model has called is given to Gemini in the form that its router takes.
func TestForeignCallAtARouter(t *testing.T) {
	t.Parallel()
	e := &responder{answers: []string{chatSaysYes}}
	c := e.as(openai.Options{Name: "openrouter"})
	if _, err := c.Generate(t.Context(), ai.Request{Model: "google/gemini-3.1-pro", Messages: used()}, nil); err != nil {
		t.Fatal(err)
	}
	want := `"reasoning_details":[{"type":"reasoning.encrypted","data":"skip_thought_signature_validator","id":"call_a","format":"google-gemini-v1","index":0}]`
	if !strings.Contains(e.bodies[0], want) || strings.Contains(e.bodies[0], "extra_content") {
		t.Errorf("sent %s", e.bodies[0])
	}
}

// A piece may end between the halves of one character, and a signature ends a thought.
func TestBlocksFromPieces(t *testing.T) {
	t.Parallel()
	stream := "200"
	for _, piece := range []string{
		`{"type":"reasoning.text","text":"\ud83d","signature":null,"index":0}`, `{"type":"reasoning.text","text":"\ude00 ","index":0}`,
		`{"type":"reasoning.text","text":null,"signature":"s1","id":"t1","index":0}`, `{"type":"reasoning.text","text":"more","index":0}`, `null`, `7`,
	} {
		stream += `data: {"choices":[{"index":0,"delta":{"reasoning_details":[` + piece + "]}}]}\n\n"
	}
	stream += `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"id":"c1","function":{"name":"weather","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n"
	e := &responder{answers: []string{stream, chatSaysYes}}
	c := e.as(openai.Options{Stream: true})
	first, err := c.Generate(t.Context(), weather(), nil)
	if err != nil {
		t.Fatal(err)
	}
	askAgain(t, c, "gpt-6-astra", first)
	want := `[{"id":"t1","index":0,"signature":"s1","text":"\ud83d\ude00 ","type":"reasoning.text"},{"index":0,"text":"more","type":"reasoning.text"}]`
	if !strings.Contains(e.bodies[1], want) {
		t.Errorf("sent %s, want %s", e.bodies[1], want)
	}
}
