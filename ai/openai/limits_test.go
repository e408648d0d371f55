package openai_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// Reading an answer ends where nobody wants more of it, in whatever pieces and
// escapes it comes; what was handed out until then is the answer.
func TestAnswerIsCut(t *testing.T) {
	t.Parallel()
	const family = "👩‍👩‍👧"
	escaped := strings.Repeat(`\u4e16`, 1<<20)
	for name, test := range map[string]struct {
		step fakeopenai.Step
		want string
	}{
		"words":          {fakeopenai.Say(strings.Repeat("word ", 1<<16)), strings.Repeat("word ", 200)},
		"one piece":      {fakeopenai.Step{Text: new(strings.Repeat("word ", 1<<20)), Pieces: []string{strings.Repeat("word ", 1<<20)}}, strings.Repeat("word ", 200)},
		"a whole emoji":  {fakeopenai.Say(strings.Repeat("x", 990) + family + "y"), strings.Repeat("x", 990)},
		"exactly enough": {fakeopenai.Say(strings.Repeat("x", 1000)), ""},
		"escapes": {
			fakeopenai.Step{Raw: `{"model":"m","choices":[{"index":0,"message":{"content":"` + escaped + `"}}]}`},
			strings.Repeat("世", 333),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, stream bool) {
				t.Helper()
				step := test.step
				if stream && step.Raw != "" {
					step.Raw = "data: " + strings.Replace(step.Raw, "message", "delta", 1) + "\n\n"
				}
				server := start(t)
				server.Script(step)
				var pieces strings.Builder
				ask := question("hi")
				ask.MaxText = 1000
				got, err := client(t, server, stream).Generate(t.Context(), ask, func(text string) { pieces.WriteString(text) })
				if err != nil {
					t.Fatal(err)
				}
				if test.want == "" {
					if got.Cut || got.Text != *step.Text || got.FinishReason != "stop" {
						t.Errorf("%d bytes, cut %v, %q", len(got.Text), got.Cut, got.FinishReason)
					}
					return
				}
				if !got.Cut || got.Text != test.want || got.FinishReason != "length" || pieces.String() != got.Text {
					t.Errorf("cut %v, %q, %d bytes, %d in pieces: %.60q", got.Cut, got.FinishReason, len(got.Text), pieces.Len(), got.Text)
				}
			})
		})
	}
}

// The call ends with the reading: the endpoint is not listened to any further.
func TestEndlessAnswerEndsTheCall(t *testing.T) {
	t.Parallel()
	for name, format := range map[string][3]string{
		"stream": {"text/event-stream", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n"},
		"line":   {"text/event-stream", "%s", `data: {"model":"m","choices":[{"index":0,"delta":{"content":"`}, // one event that never ends
		"whole":  {"application/json", "%s", "{\"model\":\"m\",\n\"choices\":[{\"index\":0,\n\"message\":{\"content\":\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written, left := 0, make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(left)
				w.Header().Set("Content-Type", format[0])
				_, _ = io.WriteString(w, format[2])
				for r.Context().Err() == nil && written < 256<<20 {
					n, err := fmt.Fprintf(w, format[1], strings.Repeat("世", 1000))
					if written += n; err != nil {
						return
					}
				}
			}))
			t.Cleanup(server.Close)
			c := openai.New(openai.Options{BaseURL: server.URL, Stream: format[0] != "application/json"})
			ask := question("hi")
			ask.MaxText = 64 << 10
			got, err := c.Generate(t.Context(), ask, nil)
			if err != nil || !got.Cut || len(got.Text) < 65_000 || len(got.Text) > 64<<10 || !utf8.ValidString(got.Text) {
				t.Errorf("%d bytes, cut %v, %v", len(got.Text), got.Cut, err)
			}
			<-left
			if written > 32<<20 {
				t.Errorf("%d MiB were taken of an answer of 64 KiB", written>>20)
			}
		})
	}
}

// Whatever comes of an answer is a sign of the model, its thoughts too.
func TestSigns(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		signs := make(chan struct{}, 1000)
		next := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			piece := " "
			if stream {
				w.Header().Set("Content-Type", "text/event-stream")
				piece = `data: {"choices":[{"index":0,"delta":{"reasoning_content":"hmm"}}]}` + "\n\n"
			}
			for range 5 {
				_, _ = io.WriteString(w, piece)
				_ = http.NewResponseController(w).Flush()
				<-next
			}
			if stream {
				_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
				return
			}
			_, _ = io.WriteString(w, `{"choices":[{"message":{"reasoning_content":"hmm","content":"yes"},"finish_reason":"stop"}]}`)
		}))
		t.Cleanup(server.Close)
		ask := question("hi")
		ask.Alive = func() { signs <- struct{}{} }
		go func() {
			for range 5 {
				<-signs // the headers, or the last piece
				next <- struct{}{}
			}
		}()
		got, err := openai.New(openai.Options{BaseURL: server.URL, Stream: stream}).Generate(t.Context(), ask, nil)
		if err != nil || got.Text != "yes" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// The output limit is asked for where it is set, under the name that the endpoint knows.
func TestOutputLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model string
		limit int
		want  string
	}{
		{"llama3", 0, ""},
		{"llama3", 700, `"max_tokens":700`},
		{"gpt-5-mini", 700, `"max_completion_tokens":700`},
		{"o3", 700, `"max_completion_tokens":700`},
	} {
		server := start(t)
		ask := question("hi")
		ask.Model, ask.MaxTokens = c.model, c.limit
		if _, err := client(t, server, true).Generate(t.Context(), ask, nil); err != nil {
			t.Fatal(err)
		}
		body := string(server.Calls()[0].Body)
		if c.want == "" && strings.Contains(body, "max_") || !strings.Contains(body, c.want) {
			t.Errorf("%s with %d: %s", c.model, c.limit, body)
		}
	}
	caught := &catcher{}
	c := openai.New(openai.Options{HTTPClient: &http.Client{Transport: caught, Timeout: time.Second}})
	ask := question("hi")
	ask.MaxTokens = 700
	_, _ = c.Generate(t.Context(), ask, nil)
	if !strings.Contains(caught.body, `"max_completion_tokens":700`) {
		t.Errorf("OpenAI itself: %s", caught.body)
	}
}

// catcher answers nothing and keeps what was asked.
type catcher struct{ body string }

func (c *catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	c.body = string(body)
	if err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}
