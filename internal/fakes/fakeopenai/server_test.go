package fakeopenai_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

func start(t *testing.T) *fakeopenai.Server {
	t.Helper()
	s, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func do(t *testing.T, method, url, body string, header ...string) (status int, answer string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

const ask = `{"model":"m","messages":[{"role":"user","content":"hello there"}]`

func TestStreamHasTheRealShape(t *testing.T) {
	t.Parallel()
	s := start(t)
	status, body, err := do(t, http.MethodPost, s.URL()+"/chat/completions", ask+`,"stream":true,"stream_options":{"include_usage":true}}`)
	if err != nil || status != http.StatusOK {
		t.Fatal(status, body, err)
	}
	events := strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n")
	if events[len(events)-1] != "data: [DONE]" {
		t.Errorf("ends with %q", events[len(events)-1])
	}
	var text, finish string
	for i, event := range events[:len(events)-1] {
		var chunk struct {
			Choices []struct {
				Delta  struct{ Content string }
				Finish string `json:"finish_reason"`
			}
			Usage *struct {
				Prompt     int `json:"prompt_tokens"`
				Completion int `json:"completion_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &chunk); err != nil {
			t.Fatal(event, err)
		}
		last := i == len(events)-2
		if last != (len(chunk.Choices) == 0) || last != (chunk.Usage != nil) {
			t.Errorf("only the last chunk has usage, and it has no choices: %s", event)
		}
		for _, c := range chunk.Choices {
			text, finish = text+c.Delta.Content, finish+c.Finish
		}
		if last && (chunk.Usage.Prompt != 2 || chunk.Usage.Completion != 4) {
			t.Errorf("usage %+v", *chunk.Usage)
		}
	}
	if text != "reply to: hello there" || finish != "stop" {
		t.Errorf("text %q, finish %q", text, finish)
	}
}

func TestKeyModelsAndRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.RequireKey("k")
	s.SetModels("m", "n")
	const result = `{"model":"m","messages":[{"role":"tool","content":"x","tool_call_id":"c"}]}`
	tests := map[string]struct {
		method, path, body, key string
		status                  int
		has                     string
	}{
		"no key":        {http.MethodPost, "/chat/completions", ask + "}", "", 401, "invalid_api_key"},
		"right key":     {http.MethodPost, "/chat/completions", ask + "}", "k", 200, `"content":"reply to: hello there"`},
		"models":        {http.MethodGet, "/models", "", "k", 200, `"id":"n"`},
		"unknown model": {http.MethodPost, "/chat/completions", strings.Replace(ask, `"m"`, `"z"`, 1) + "}", "k", 404, "model_not_found"},
		"not JSON":      {http.MethodPost, "/chat/completions", "{", "k", 400, "not JSON"},
		"no messages":   {http.MethodPost, "/chat/completions", `{"model":"m"}`, "k", 400, "must not be empty"},
		"orphan result": {http.MethodPost, "/chat/completions", result, "k", 400, "preceding message"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body, err := do(t, test.method, s.URL()+test.path, test.body, "Authorization", "Bearer "+test.key)
			if err != nil || status != test.status || !strings.Contains(body, test.has) {
				t.Errorf("%d %s %v; want %d with %q", status, body, err, test.status, test.has)
			}
		})
	}
}

func TestScriptThenProper(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Script(fakeopenai.RateLimited("3"), fakeopenai.Cut(1), fakeopenai.Say("scripted"))
	url := s.URL() + "/chat/completions"
	if status, _, _ := do(t, http.MethodPost, url, ask+"}"); status != http.StatusTooManyRequests {
		t.Errorf("first: %d", status)
	}
	if _, _, err := do(t, http.MethodPost, url, ask+`,"stream":true}`); err == nil {
		t.Error("second: the connection should be cut")
	}
	for _, want := range []string{"scripted", "reply to: hello there"} {
		if _, body, err := do(t, http.MethodPost, url, ask+"}"); err != nil || !strings.Contains(body, want) {
			t.Errorf("%s, %v; want %q", body, err, want)
		}
	}
	if calls := s.Calls(); len(calls) != 4 || calls[3].Number != 4 || calls[3].Model != "m" {
		t.Errorf("calls %+v", calls)
	}
}

func TestHoldKeepsCallsThinking(t *testing.T) {
	t.Parallel()
	s := start(t)
	release := s.Hold()
	done := make(chan string)
	for range 3 {
		go func() {
			_, body, _ := do(t, http.MethodPost, s.URL()+"/chat/completions", ask+"}")
			done <- body
		}()
	}
	if calls, err := s.WaitCalls(t.Context(), 3); err != nil || len(calls) != 3 {
		t.Fatal(len(calls), err)
	}
	select {
	case body := <-done:
		t.Fatalf("answered while held: %s", body)
	default:
	}
	release()
	release()
	for range 3 {
		if body := <-done; !strings.Contains(body, "reply to") {
			t.Errorf("got %s", body)
		}
	}
}

func TestCloseEndsHangingCalls(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Always(fakeopenai.Hang())
	done := make(chan error)
	go func() {
		_, _, err := do(t, http.MethodPost, s.URL()+"/chat/completions", ask+"}")
		done <- err
	}()
	if _, err := s.WaitCalls(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if err := <-done; err == nil {
		t.Error("a hanging call should fail when the server closes")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := start(t).WaitCalls(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ends with the context: %v", err)
	}
}

func TestSpoiltStreams(t *testing.T) {
	t.Parallel()
	s := start(t)
	limited := fakeopenai.InStream(http.StatusTooManyRequests, "rate_limit_exceeded")
	s.Script(
		fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: 1, Write: limited}},
		fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: 99, Finish: true, Write: "junk"}},
		fakeopenai.Step{Drop: true},
	)
	url := s.URL() + "/chat/completions"
	_, body, err := do(t, http.MethodPost, url, ask+`,"stream":true}`)
	if err != nil || !strings.Contains(body, `"reply "`) || strings.Contains(body, "hello") || !strings.HasSuffix(body, limited) {
		t.Errorf("after one piece: %s, %v", body, err)
	}
	_, body, err = do(t, http.MethodPost, url, ask+`,"stream":true}`)
	if err != nil || !strings.Contains(body, `"there"`) || !strings.Contains(body, `"finish_reason":"stop"`) || !strings.HasSuffix(body, "junk") {
		t.Errorf("after the end: %s, %v", body, err)
	}
	if n := s.Unused(); n != 1 {
		t.Errorf("%d steps are left", n)
	}
	if _, body, err = do(t, http.MethodPost, url, ask+"}"); err == nil {
		t.Errorf("dropped, and yet: %s", body)
	}
}
