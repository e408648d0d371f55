package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// told waits for what becomes of a message and returns what the chat is told.
func (s *server) told(who, text string) string {
	s.t.Helper()
	a := s.say(who, text, "Prefer", "wait=30")
	var body struct {
		Reply struct{ Text string }
		Error struct{ Message string }
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	return body.Reply.Text + body.Error.Message
}

// whole lets the model answer in one piece.
func whole(c *config.Config) { c.AI.Stream = false }

// Case 36, and 40 to 44 with it: what no further attempt can mend is asked once,
// and the chat is told what it can do, at once as well as streamed.
func TestCase36To44OneCall(t *testing.T) {
	t.Parallel()
	const thoughts = `{"choices":[{"message":{"content":"","reasoning_content":"SECRET"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}`
	for name, change := range map[string][]func(*config.Config){"streamed": nil, "at once": {whole}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start(t, change...)
			for i, c := range []struct {
				step fakeopenai.Step
				told string
			}{
				{fakeopenai.Step{Raw: thoughts}, "the model thought about it"},
				{fakeopenai.Step{Status: 400, Body: `{"error":"text of the refusal"}`}, "configuration problem"},
				{fakeopenai.Step{Status: 400, Body: `{"error":{"code":"1261","message":"Prompt 超长"}}`}, "too long"},
				{fakeopenai.Step{Status: 402, Body: `{"error":{"message":"Insufficient Balance"}}`}, "configuration problem"},
				{fakeopenai.Step{Status: 400, Body: `{"error":{"message":"Content Exists Risk"}}`}, "declined"},
				{fakeopenai.Step{FinishReason: "length"}, "The model stopped here"},
				{fakeopenai.Say("nul\x00 removed"), "nul removed"},
			} {
				before := len(w.openai.Calls())
				w.openai.Script(c.step)
				if got := s.told(fmt.Sprint("person", i), "hi"); !strings.Contains(got, c.told) || strings.Contains(got, "SECRET") {
					t.Errorf("%d: told %q, want something with %q", i, got, c.told)
				}
				if n := len(w.openai.Calls()) - before; n != 1 {
					t.Errorf("%d: %d calls", i, n)
				}
			}
		})
	}
}

// Case 44: NUL from a model is no end of the turn on any database.
func TestCase44NULFromAModel(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			s := w.start(t)
			w.openai.Script(fakeopenai.Say("nul\x00 removed"))
			if got := s.reply("ann", "hi"); got != "nul removed" {
				t.Errorf("%q", got)
			}
		})
	}
}

// Case 37: after a turn that failed the conversation goes on where roles must alternate.
func TestCase37AFailedTurnAndAlternatingRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	w.openai.RequireAlternation()
	w.openai.Script(fakeopenai.Fail(401, ""))
	if got := s.told("ann", "first"); !strings.Contains(got, "configuration") {
		t.Errorf("%q", got)
	}
	if got := s.reply("ann", "second"); !strings.HasPrefix(got, "reply to: ") {
		t.Errorf("%q", got)
	}
}

// Case 38: an endpoint that asks for an hour keeps nobody without a word: whoever
// asks is told when to come back, or the fallback answers.
func TestCase38LongWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	w.openai.Script(fakeopenai.RateLimited("3480"))
	begun := time.Now()
	for _, who := range []string{"ann", "bob"} {
		if got := s.told(who, "hi"); !strings.Contains(got, "about 58 minutes") {
			t.Errorf("%s was told %q", who, got)
		}
	}
	if n, took := len(w.openai.Calls()), time.Since(begun); n != 1 || took > 20*time.Second {
		t.Errorf("%d calls in %v", n, took)
	}
	other := newWorld(t)
	s = other.start(t, func(c *config.Config) { c.AI.FallbackModels = []string{"openai:big"} })
	other.openai.Script(fakeopenai.RateLimited("3480"))
	if got := s.reply("ann", "hi"); got != "reply to: hi" {
		t.Errorf("the fallback: %q", got)
	}
}

// Case 39: the message of one person that no endpoint can answer pauses nobody else.
func TestCase39OnePersonsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) { c.Gateway.MaxAttempts = 2 })
	for range 6 {
		w.openai.Script(fakeopenai.Fail(500, ""))
	}
	for range 3 {
		if got := s.told("mallory", "the message"); !strings.Contains(got, "overloaded") {
			t.Errorf("told %q", got)
		}
	}
	begun := time.Now()
	if got := s.reply("ann", "hi"); got != "reply to: hi" || time.Since(begun) > 8*time.Second { // a pause would be of nine or more
		t.Errorf("%q after %v", got, time.Since(begun))
	}
}

// Case 43: calls that have to be paid are in the usage though they led to no reply.
func TestCase43PaidCallsWithoutAReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, whole)
	w.openai.Script(
		fakeopenai.Step{Raw: `{"model":"m","choices":[{"message":{"content":""},"finish_reason":"content_filter"}],"usage":{"prompt_tokens":90,"completion_tokens":10}}`},
	)
	if got := s.told("ann", "hi"); !strings.Contains(got, "declined") {
		t.Errorf("told %q", got)
	}
	a := s.request(http.MethodGet, "/api/v1/usage", "", "Authorization", "Bearer "+adminToken)
	if !strings.Contains(a.body, `"prompt_tokens":90,"completion_tokens":10,"calls":1,"cached_tokens":0,"cost":null`) {
		t.Errorf("usage: %s", a.body)
	}
	if got := s.reply("ann", "/tokens"); !strings.Contains(got, "100") {
		t.Errorf("/tokens: %q", got)
	}
}

// NUL in what a person says is removed before anybody reads it, and a text of
// nothing else is none.
func TestNULFromAPerson(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			s := w.start(t)
			if got := s.reply("ann", "one\x00two"); got != "reply to: onetwo" {
				t.Errorf("%q", got)
			}
			if a := s.say("ann", "\x00\x00"); a.status != http.StatusBadRequest {
				t.Errorf("nothing but NUL: %d %s", a.status, a.body)
			}
		})
	}
}

// What calls cost is known where a price is, from the provider's cache for less.
func TestCostOfCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, whole, func(c *config.Config) {
		c.AI.Model, c.AI.Models = "mine:priced", []string{"mine:free", "openai:gpt-4o-mini"}
		c.AI.Providers = map[string]config.Provider{"mine": {BaseURL: config.URL(w.openai.URL())}}
		c.AI.ModelsInfo = map[string]config.ModelInfo{
			"mine:priced": {Price: &config.Price{Input: 2, Cached: 1, Output: 10}}, "mine:free": {Price: &config.Price{}},
		}
	})
	answer := func(model string) fakeopenai.Step {
		return fakeopenai.Step{Raw: `{"model":"` + model + `","choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],
			"usage":{"prompt_tokens":1000,"completion_tokens":100,"prompt_cache_hit_tokens":400}}`}
	}
	w.openai.Script(answer("priced"), answer("free"), answer("unknown"))
	for _, model := range []string{"", "mine:free", "openai:gpt-4o-mini"} {
		if model != "" {
			s.reply("ann", "/model "+model)
		}
		s.reply("ann", "hi")
		const cost = "\nCost in the last 30 days, in the currency of the configured prices: 0.0026"
		said := s.reply("ann", "/tokens")
		if known := strings.Contains(said, cost); known == (model == "openai:gpt-4o-mini") || !strings.Contains(said, "\n36% of your tokens in the last 30 days came from") {
			t.Errorf("after %q: %s", model, said)
		}
	}
	for model, cost := range map[string]string{"mine:priced": "0.0026", "mine:free": "0", "openai:gpt-4o-mini": ""} {
		if got := s.metric(`parley_model_cost_total{model="` + model + `"}`); got != cost {
			t.Errorf("the metric says %q of %s", got, model)
		}
	}
	a := s.request(http.MethodGet, "/api/v1/usage?days=2", "", "Authorization", "Bearer "+adminToken)
	for _, want := range []string{
		`"model":"priced","prompt_tokens":1000,"completion_tokens":100,"calls":1,"cached_tokens":400,"cost":0.0026}`,
		`"model":"free","prompt_tokens":1000,"completion_tokens":100,"calls":1,"cached_tokens":400,"cost":0}`,
		`"model":"unknown","prompt_tokens":1000,"completion_tokens":100,"calls":1,"cached_tokens":400,"cost":null}`,
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("usage lacks %s: %s", want, a.body)
		}
	}
}
