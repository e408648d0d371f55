package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// wants is an answer in which the model wants tools: pairs of name and arguments.
func wants(pairs ...string) fakeopenai.Step {
	var calls []string
	for i := 0; i < len(pairs); i += 2 {
		calls = append(calls, fmt.Sprintf(`{"id":"c%d","type":"function","function":{"name":%q,"arguments":%q}}`, i, pairs[i], pairs[i+1]))
	}
	return fakeopenai.Step{Raw: `{"model":"m","choices":[{"message":{"content":"Let me look.","tool_calls":[` + strings.Join(calls, ",") +
		`]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}`}
}

// A model uses what is built in, in the same turn, and a later prompt holds whole
// pairs of uses and results.
func TestBuiltinTools(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*config.Config){"streamed": nil, "at once": {whole}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start(t, change...)
			s.reply("ann", "/save timezone Europe/Paris")
			w.openai.Script(
				wants("remember", `{"key":"the code word","value":"sesame"}`, "current_time", `{}`, "nonsense", `{}`, "current_time", `{"timezone":"Mars"}`),
				wants("recall", `{"query":"code word"}`, "search_history", `{"query":"apples"}`),
			)
			if got := s.reply("ann", "remember that apples are red"); !strings.HasPrefix(got, "reply to: ") {
				t.Fatalf("%q", got)
			}
			calls := w.openai.Calls()
			if len(calls) != 3 {
				t.Fatalf("%d calls", len(calls))
			}
			if body := string(calls[0].Body); !strings.Contains(body, `"name":"current_time"`) || strings.Index(body, `"name":"recall"`) > strings.Index(body, `"name":"search_history"`) {
				t.Errorf("the tools are %s", body)
			}
			var results []string
			for _, m := range calls[2].Messages {
				if m.Role == "tool" {
					results = append(results, m.Content)
				}
			}
			for i, want := range []string{"remembered", "+0", "error: there is no tool", "error: there is no time zone", "the code word is sesame", "nothing was found"} {
				if i >= len(results) || !strings.Contains(results[i], want) {
					t.Errorf("result %d of %q, want one with %q", i, results, want)
				}
			}
			if got := s.reply("ann", "/remember the code word"); got != "the code word is sesame" {
				t.Errorf("the fact: %q", got)
			}
			s.reply("ann", "and now?") // the fake refuses calls without results
			var roles []string
			for _, m := range w.openai.Calls()[3].Messages {
				roles = append(roles, m.Role)
			}
			if want := "user assistant tool tool tool tool assistant tool tool assistant user"; strings.Join(roles, " ") != want { //nolint:dupword // roles
				t.Errorf("the next prompt is %q", roles)
			}
			a := s.request(http.MethodGet, "/api/v1/usage", "", "Authorization", "Bearer "+adminToken)
			if !strings.Contains(a.body, `"model":"m","prompt_tokens":20,"completion_tokens":10,"calls":2`) {
				t.Errorf("usage: %s", a.body)
			}
			if got := s.reply("ann", "/history"); strings.Contains(got, "error: there is no tool") || !strings.Contains(got, "apples") {
				t.Errorf("/history: %q", got)
			}
		})
	}
}

// What a model has thought while it used tools goes back to its provider, in this
// turn and in later ones, and nowhere else; it is gone with its conversation.
func TestThoughtsGoBackToTheirProvider(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*config.Config){"streamed": nil, "at once": {whole}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openai.Speak(fakeopenai.DeepSeek)
			s := w.start(t, append(change, func(c *config.Config) { c.AI.Model = "openai:deepseek-v4-pro" })...)
			thinking := func(step fakeopenai.Step) fakeopenai.Step {
				step.Raw = strings.Replace(step.Raw, `"message":{`, `"message":{"reasoning_content":"the plan",`, 1)
				return step
			}
			w.openai.Script(thinking(wants("current_time", `{}`)), thinking(fakeopenai.Step{Raw: `{"model":"m","choices":[{"message":{"content":"It is late."},"finish_reason":"stop"}]}`}))
			if got := s.reply("ann", "how late is it?"); got != "It is late." {
				t.Fatalf("%q", got)
			}
			s.reply("ann", "thanks")
			calls := w.openai.Calls()
			for i, want := range []int{0, 1, 2} {
				if got := strings.Count(string(calls[i].Body), `"reasoning_content":"the plan"`); got != want {
					t.Errorf("call %d has %d thoughts, want %d: %s", i, got, want, calls[i].Body)
				}
			}
			seen := s.reply("ann", "/history") + s.admin("GET", "conversations/1/export").body + s.admin("GET", "conversations/1/messages").body
			if strings.Contains(seen, "the plan") || !strings.Contains(seen, "It is late.") {
				t.Errorf("people see %s", seen)
			}
			s.reply("ann", "/forget-me")
			if got := s.reply("ann", "/forget-me yes"); !strings.Contains(got, "has been erased") {
				t.Error(got)
			}
			s.reply("ann", "hello")
			calls = w.openai.Calls()
			if body := string(calls[len(calls)-1].Body); strings.Contains(body, "the plan") {
				t.Errorf("after the erasure: %s", body)
			}
		})
	}
}

// A model that goes on and on is asked the last time without tools.
func TestToolsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, whole, func(c *config.Config) { c.AI.Tools.MaxRounds = 3 })
	w.openai.Script(wants("current_time", `{}`), wants("current_time", `{}`), wants("current_time", `{}`))
	if got := s.reply("ann", "hi"); got != "reply to: hi" {
		t.Errorf("%q", got)
	}
	calls := w.openai.Calls()
	if len(calls) != 4 || strings.Contains(string(calls[3].Body), `"tools"`) || !strings.Contains(string(calls[2].Body), `"tools"`) {
		t.Errorf("%d calls", len(calls))
	}
}

// An endpoint whose model uses no tools is asked without them from then on.
func TestModelWithoutTools(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools","type":"api_error"}}`,
		`{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","code":400}`,
		`{"error":{"message":"Function calling is not supported for this model"}}`,
	} {
		w := newWorld(t)
		s := w.start(t)
		w.openai.Script(fakeopenai.Step{Status: 400, Body: body})
		for _, text := range []string{"one", "two"} {
			if got := s.reply("ann", text); !strings.HasPrefix(got, "reply to: ") {
				t.Errorf("%s: %q", body, got)
			}
		}
		if calls := w.openai.Calls(); len(calls) != 3 || strings.Contains(string(calls[1].Body)+string(calls[2].Body), `"tools"`) {
			t.Errorf("%s: %d calls", body, len(calls))
		}
	}
}

// In a group the result of a search stays in the prompts of its conversation, and is
// in no export; who said it may have it erased.
func TestQuotedResultsAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, whole, func(c *config.Config) { c.AI.ConversationPersistence.Scope = "room" })
	group := func(who, text string) string {
		return s.post(fmt.Sprintf(`{"sender_id":%q,"text":%q,"chat_type":"group","chat_id":"g"}`, who, text))
	}
	group("bob", "my favourite fruit is the dragonfruit")
	w.openai.Script(wants("search_history", `{"query":"favourite fruit"}`))
	group("ann", "what does bob like?")
	calls := w.openai.Calls()
	if last := calls[len(calls)-1].Messages; !strings.Contains(last[len(last)-1].Content, "dragonfruit") {
		t.Errorf("the model was not told: %+v", last)
	}
	group("ann", "and?")
	calls = w.openai.Calls()
	before, after := calls[len(calls)-2].Messages, calls[len(calls)-1].Messages
	if fmt.Sprint(after[:len(before)]) != fmt.Sprint(before) {
		t.Errorf("the prompt has changed: %+v, then %+v", before, after)
	}
	export := s.admin("GET", "conversations/1/export")
	if n := strings.Count(export.body, "dragonfruit"); export.status != 200 || n != 2 { // what bob said, and the answer
		t.Errorf("%d times: %s", n, export.body)
	}
	group("bob", "/forget-me")
	if got := group("bob", "/forget-me yes"); !strings.Contains(got, "has been erased") {
		t.Error(got)
	}
	n := 0
	until(t, func() (left []string) {
		n++
		group("ann", fmt.Sprint("again ", n)) // not the same twenty times, which is a loop
		calls := w.openai.Calls()
		for _, m := range calls[len(calls)-1].Messages {
			if strings.Contains(m.Content, "dragonfruit") {
				left = append(left, m.Role+": "+m.Content)
			}
		}
		return left
	})
}
