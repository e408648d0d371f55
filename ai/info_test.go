package ai_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

func TestKnownModel(t *testing.T) {
	t.Parallel()
	for name, context := range map[string]int64{
		"gpt-4o": 128_000, "gpt-4o-mini-2024-07-18": 128_000, "gpt-4.1-mini": 1_047_576, "claude-sonnet-4-5-20250929": 200_000,
		"gpt-4o-audio-preview": 0, "gpt-4": 0, "llama3": 0, "": 0,
	} {
		if got := ai.KnownModel(name); got.Context != context {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if mini, full := ai.KnownModel("gpt-4o-mini"), ai.KnownModel("gpt-4o"); mini.Price.Input >= full.Price.Input {
		t.Error("a longer name is another model")
	}
}

func TestPrice(t *testing.T) {
	t.Parallel()
	u := ai.Usage{PromptTokens: 1000, CachedTokens: 600, WrittenTokens: 100, CompletionTokens: 10}
	for name, c := range map[string]struct {
		price ai.Price
		want  int64
	}{
		"free":            {ai.Price{}, 0},
		"all":             {ai.Price{Input: 2, Cached: 0.5, Written: 2.5, Output: 8}, 300*2000 + 600*500 + 100*2500 + 10*8000},
		"written as read": {ai.Price{Input: 2, Cached: 0.5, Output: 8}, 300*2000 + 600*500 + 100*2000 + 10*8000},
	} {
		if got := c.price.Billionths(u); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// A prompt that is too long for one model goes to a larger one, and to none that
// is known to be as small.
func TestTooLongGoesToALargerModel(t *testing.T) {
	t.Parallel()
	small, primary := endpoint(t, "one:small")
	same, second := endpoint(t, "two:small")
	_, third := endpoint(t, "three:large")
	small.Always(fakeopenai.Fail(400, "context_length_exceeded"))
	sizes := map[string]int64{"one:small": 8000, "two:small": 8000, "three:large": 100_000}
	price := ai.Price{Input: 1, Output: 1}
	a := ai.NewAssistant(ai.Options{
		Primary: primary, Fallbacks: []ai.Endpoint{second, third},
		Info: func(name string) ai.ModelInfo { return ai.ModelInfo{Context: sizes[name], Price: &price} },
	})
	got, err := a.Reply(t.Context(), asking("hi"), nil)
	if err != nil || got.Endpoint != "three:large" || len(same.Calls()) != 0 {
		t.Fatalf("%+v, %v; %d calls to one as small", got, err, len(same.Calls()))
	}
	if got.Cost == nil || *got.Cost != 1000*got.Total() {
		t.Errorf("cost %v of %d tokens", got.Cost, got.Total())
	}
}

// Of several that ask to be left alone, who can be asked soonest says when to come back.
func TestSoonestSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	first, primary := endpoint(t, "one:small")
	second, fallback := endpoint(t, "two:big")
	first.Always(fakeopenai.RateLimited("3480"))
	second.Always(fakeopenai.RateLimited("9"))
	a := ai.NewAssistant(ai.Options{Primary: primary, Fallbacks: []ai.Endpoint{fallback}})
	if _, err := a.Reply(t.Context(), asking("hi"), nil); failure.WaitOf(err) != 9*time.Second {
		t.Errorf("wait %v: %v", failure.WaitOf(err), err)
	}
}

// Calls that are paid and lead to no reply are told of, with what they took.
func TestLostCalls(t *testing.T) {
	t.Parallel()
	first, primary := endpoint(t, "one:small")
	_, fallback := endpoint(t, "two:big")
	first.Script(
		fakeopenai.Step{FinishReason: "content_filter"}, // reported
		fakeopenai.Cut(2),        // estimated from what came
		fakeopenai.Fail(500, ""), // nothing to pay
	)
	a := ai.NewAssistant(ai.Options{Primary: primary, Fallbacks: []ai.Endpoint{fallback}})
	var lost []ai.Response
	ask := asking("hello there")
	ask.Lost = func(r ai.Response) { lost = append(lost, r) }
	for range 3 {
		_, _ = a.Reply(t.Context(), ask, nil)
	}
	if len(lost) != 2 {
		t.Fatalf("%d lost calls: %+v", len(lost), lost)
	}
	if r := lost[0]; r.Endpoint != "one:small" || r.Model == "" || r.PromptTokens != 2 || r.CompletionTokens != 4 || r.Estimated {
		t.Errorf("reported: %+v", r)
	}
	if r := lost[1]; !r.Estimated || r.PromptTokens == 0 || r.CompletionTokens == 0 || !strings.HasPrefix("reply to: ", r.Text) {
		t.Errorf("cut: %+v", r)
	}
}

// A model's own context bounds the prompt too, and its longest answer what is asked for.
func TestOwnContext(t *testing.T) {
	t.Parallel()
	server, primary := endpoint(t, "one:small")
	a := ai.NewAssistant(ai.Options{
		Primary: primary, ContextTokens: 100_000, MaxTokens: 700,
		Info: func(string) ai.ModelInfo { return ai.ModelInfo{Context: 1000, MaxOutput: 500, Effort: "low"} },
	})
	ask := asking("hi")
	for range 100 {
		ask.History = append(ask.History, said(strings.Repeat("word ", 10)), answered(strings.Repeat("word ", 10)))
	}
	if n := a.Tokens(a.Prompt(ask)); n > 500 || n < 100 {
		t.Errorf("a prompt of %d tokens", n)
	}
	if _, err := a.Reply(t.Context(), ask, nil); err != nil {
		t.Fatal(err)
	}
	body := string(server.Calls()[0].Body)
	if !strings.Contains(body, `"max_tokens":500`) || !strings.Contains(body, `"reasoning_effort":"low"`) {
		t.Errorf("sent %.300s", body)
	}
}

// A provider that leaves out the beginning of a prompt is named once.
func TestSilentCutIsNamed(t *testing.T) {
	t.Parallel()
	server, primary := endpoint(t, "ollama:small")
	var log bytes.Buffer
	a := ai.NewAssistant(ai.Options{Primary: primary, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	server.Always(fakeopenai.Step{Raw: `{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":900,"completion_tokens":1}}`})
	for _, words := range []int{100, 4000, 4000} {
		if _, err := a.Reply(t.Context(), asking(strings.Repeat("word ", words)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "OLLAMA_CONTEXT_LENGTH"); n != 1 {
		t.Errorf("named %d times: %s", n, log.String())
	}
}

// What is reserved for pictures is what OpenAI says of each model; the first two are
// its own examples.
func TestPicturesAreReservedAsTheyAreBilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model         string
		width, height int
		want          int64
	}{
		{"gpt-4o", 1024, 1024, 765},
		{"gpt-4o", 2048, 4096, 1105},
		{"gpt-4o-mini", 1568, 784, 2833 + 6*5667},
		{"gpt-4o-mini", 100, 100, 2833 + 5667},
		{"gpt-5", 512, 512, 70 + 140},
		{"gpt-4.1-nano", 1024, 1024, 2520}, // 1024 squares
		{"o4-mini", 1568, 1568, 2642},      // no more than 1536 of them
		{"another", 1500, 1000, 85 + 2000},
		{"gpt-4o", 0, 0, 85},
	} {
		stop := errors.New("it is known now")
		reserved := func(images ...ai.Image) (tokens int64) {
			a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "x:" + c.model}, Info: func(string) ai.ModelInfo { return ai.KnownModel(c.model) }})
			_, err := a.Reply(t.Context(), ai.Ask{
				New: []conversation.Message{{Role: conversation.RoleUser, Content: "what is it?"}}, Images: images,
				Reserve: func(_ context.Context, prompt, _ int64) (string, int64, error) {
					tokens = prompt
					return "", 0, stop
				},
			}, nil)
			if !errors.Is(err, stop) {
				t.Fatal(err)
			}
			return tokens
		}
		if got := reserved(ai.Image{Width: c.width, Height: c.height}) - reserved(); got != c.want {
			t.Errorf("%s, %d × %d: %d tokens, want %d", c.model, c.width, c.height, got, c.want)
		}
	}
}
