package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
)

// responder is an endpoint whose answers are told in advance.
type responder struct {
	answers []string // beginning with their status
	bodies  []string
}

func (e *responder) client() *openai.Client { return e.as(openai.Options{Responses: true}) }

func (e *responder) as(o openai.Options) *openai.Client {
	o.BaseURL = "http://model.test/v1"
	o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
		text, _ := io.ReadAll(r.Body)
		answer := e.answers[len(e.bodies)]
		e.bodies = append(e.bodies, string(text))
		status := http.StatusOK
		if strings.HasPrefix(answer, "400") {
			status = http.StatusBadRequest
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(answer[3:]))}
	})}
	return openai.New(o)
}

const (
	usesATool = `200{"object":"response","status":"completed","output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAA1"},` +
		`{"type":"function_call","call_id":"c1","name":"weather","arguments":"{}"}]}`
	saysYes = `200{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"yes"}]}]}`
)

func weather(messages ...conversation.Message) ai.Request {
	return ai.Request{
		Model: "gpt-6-astra", Tools: []ai.Tool{{Name: "weather", Schema: json.RawMessage(`{"type":"object"}`)}},
		Messages: append([]conversation.Message{user("weather?")}, messages...),
	}
}

// afterUse returns the messages of a use of a tool.
func afterUse(t *testing.T, answer ai.Response) []conversation.Message {
	t.Helper()
	if len(answer.Calls) != 1 || !strings.Contains(string(answer.Opaque), "gAAAA1") {
		t.Fatalf("%+v", answer)
	}
	return []conversation.Message{
		{Role: conversation.RoleAssistant, Metadata: map[string]any{"tool_calls": answer.Calls}, Opaque: answer.Opaque},
		{Role: conversation.RoleTool, Content: "rain", Metadata: map[string]any{"tool_call_id": "c1", "tool_name": "weather"}},
	}
}

// What a model of the Responses API has thought before it used a tool goes back to
// it, enciphered, in front of the call; and to no other.
func TestEncipheredThoughtsGoBack(t *testing.T) {
	t.Parallel()
	e := &responder{answers: []string{usesATool, saysYes, saysYes}}
	c := e.client()
	got, err := c.Generate(t.Context(), weather(), nil)
	if err != nil || !strings.Contains(e.bodies[0], `"include":["reasoning.encrypted_content"]`) || !strings.Contains(e.bodies[0], `"store":false`) {
		t.Fatal(err, e.bodies)
	}
	next := weather(afterUse(t, got)...)
	if _, err := c.Generate(t.Context(), next, nil); err != nil {
		t.Fatal(err)
	}
	if want := `{"type":"reasoning","summary":[],"encrypted_content":"gAAAA1"},{"type":"function_call","call_id":"c1"`; !strings.Contains(e.bodies[1], want) {
		t.Errorf("sent %s, want %s", e.bodies[1], want)
	}
	next.Model = "gpt-6-sol"
	if _, err := c.Generate(t.Context(), next, nil); err != nil || strings.Contains(e.bodies[2], "gAAAA1") {
		t.Errorf("%v: another model is sent %s", err, e.bodies[2])
	}
}

// A model that enciphers nothing, or cannot read what it is given, is asked without.
func TestNothingIsEnciphered(t *testing.T) {
	t.Parallel()
	for _, refusal := range []string{
		`400{"error":{"message":"Encrypted content is not supported with this model.","type":"invalid_request_error","param":"include"}}`,
		`400{"error":{"message":"The encrypted content gAAA... could not be verified.","code":"invalid_encrypted_content"}}`,
		`400{"error":{"message":"Unsupported parameter: 'include'","type":"invalid_request_error"}}`,
	} {
		e := &responder{answers: []string{usesATool, refusal, saysYes, saysYes}}
		c := e.client()
		got, err := c.Generate(t.Context(), weather(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := c.Generate(t.Context(), weather(afterUse(t, got)...), nil); err != nil || got.Text != "yes" {
				t.Errorf("%s: %+v, %v", refusal, got, err)
			}
		}
		for _, body := range e.bodies[2:] {
			if strings.Contains(body, "include") || strings.Contains(body, "reasoning") || !strings.Contains(body, "function_call_output") {
				t.Errorf("%s: sent %s", refusal, body)
			}
		}
	}
}
