package openai_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// asking is a question with a picture, in the middle of a use of tools.
func asking() ai.Request {
	calls := []conversation.ToolCall{{ID: "c1", Type: "function"}}
	calls[0].Function.Name, calls[0].Function.Arguments = "t", "{}"
	return ai.Request{
		Model: "m", Images: []ai.Image{{Type: "image/png", Data: []byte("pixels")}},
		Messages: []conversation.Message{
			{Role: conversation.RoleUser, Content: "before"},
			{Role: conversation.RoleAssistant, Content: "yes"},
			{Role: conversation.RoleUser, Content: "what is it?"},
			{Role: conversation.RoleAssistant, Metadata: map[string]any{message.MetaToolCalls: calls}},
			{Role: conversation.RoleTool, Content: "r", Metadata: map[string]any{message.MetaToolCallID: "c1", message.MetaToolName: "t"}},
		},
	}
}

// answering is a client of an endpoint that answers so.
func answering(t *testing.T, answer http.HandlerFunc, change ...func(*openai.Options)) *openai.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	o := openai.Options{BaseURL: server.URL}
	for _, c := range change {
		c(&o)
	}
	return openai.New(o)
}

const pixels = "data:image/png;base64,cGl4ZWxz"

func TestPicturesGoWithTheQuestion(t *testing.T) {
	t.Parallel()
	fake, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	c := openai.New(openai.Options{BaseURL: fake.URL()})
	if _, err := c.Generate(t.Context(), asking(), nil); err != nil {
		t.Fatal(err)
	}
	m := fake.Calls()[0].Messages
	if len(m[2].Images) != 1 || m[2].Images[0] != pixels || m[2].Content != "what is it?" || len(fake.Calls()[0].Images()) != 1 {
		t.Errorf("%+v", m)
	}
	// What an endpoint refuses it is shown no second time.
	fake.Blind()
	for range 2 {
		if _, err := c.Generate(t.Context(), asking(), nil); err != nil {
			t.Fatal(err)
		}
	}
	calls := fake.Calls()
	if len(calls) != 4 || len(calls[1].Images()) != 1 || len(calls[2].Images())+len(calls[3].Images()) != 0 {
		t.Errorf("%d calls", len(calls))
	}
}

func TestPicturesInTheResponsesAPI(t *testing.T) {
	t.Parallel()
	var body struct {
		Input []struct {
			Role    string          `json:"role"`
			Content json.RawMessage `json:"content"`
		} `json:"input"`
	}
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a cat"}]}]}`))
	}, func(o *openai.Options) { o.Responses = true })
	got, err := c.Generate(t.Context(), asking(), nil)
	if err != nil || got.Text != "a cat" || len(body.Input) < 3 {
		t.Fatalf("%q, %v, %+v", got.Text, err, body)
	}
	want := `[{"type":"input_text","text":"what is it?"},{"type":"input_image","image_url":"` + pixels + `"}]`
	if string(body.Input[2].Content) != want || string(body.Input[0].Content) != `"before"` {
		t.Errorf("%s", body.Input[2].Content)
	}
}

func TestTranscribe(t *testing.T) {
	t.Parallel()
	fake, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	fake.RequireKey("sk-1")
	fake.SetHeard("call Bob")
	c := openai.New(openai.Options{BaseURL: fake.URL(), APIKey: "sk-1"})
	got, err := c.Transcribe(t.Context(), "ear", ai.Recording{Name: "recording.ogg", Data: []byte("OggS")})
	if err != nil || got.Text != "call Bob" || got.PromptTokens != 100 || got.CompletionTokens != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	if all := fake.Recordings(); len(all) != 1 || all[0].Model != "ear" || all[0].Name != "recording.ogg" || string(all[0].Data) != "OggS" {
		t.Errorf("%+v", all)
	}
	for status, body := range map[int]string{200: "<html>", 401: `{"error":{"message":"bad key sk-secret-1"}}`, 429: `{}`} {
		bad := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}, func(o *openai.Options) { o.APIKey = "sk-secret-1" })
		if _, err := bad.Transcribe(t.Context(), "ear", ai.Recording{Name: "a.ogg"}); err == nil || strings.Contains(err.Error(), "sk-secret-1") {
			t.Errorf("%d: %v", status, err)
		}
	}
	timed := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"text":"hi","usage":{"type":"duration","seconds":7}}`))
	})
	if got, err := timed.Transcribe(t.Context(), "whisper-1", ai.Recording{Name: "a.ogg"}); err != nil || got.Seconds != 7 || got.Total() != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
