package ai_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
)

// locomoSum is the published file: https://github.com/snap-research/locomo. Its
// licence (CC BY-NC 4.0) keeps it out of this repository.
const locomoSum = "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4"

// locomo returns the dialogs as one chat: whether the first of both speakers says
// it, and what.
func locomo(t *testing.T) (own []bool, texts []string) {
	t.Helper()
	path := os.Getenv("PARLEY_LOCOMO")
	if path == "" {
		t.Skip("left out: PARLEY_LOCOMO does not name the file locomo10.json")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(data)); sum != locomoSum {
		t.Fatalf("%s is another file: sha256 %s", path, sum)
	}
	var dialogs []struct {
		Conversation map[string]json.RawMessage `json:"conversation"`
	}
	if err := json.Unmarshal(data, &dialogs); err != nil {
		t.Fatal(err)
	}
	type said struct {
		Speaker string `json:"speaker"`
		Text    string `json:"text"`
		Caption string `json:"blip_caption"`
	}
	for _, d := range dialogs {
		var first string
		if err := json.Unmarshal(d.Conversation["speaker_a"], &first); err != nil {
			t.Fatal(err)
		}
		for n := 1; d.Conversation[fmt.Sprint("session_", n)] != nil; n++ {
			var session []said
			if err := json.Unmarshal(d.Conversation[fmt.Sprint("session_", n)], &session); err != nil {
				t.Fatal(err)
			}
			for _, s := range session {
				own, texts = append(own, s.Speaker == first), append(texts, strings.TrimSpace(s.Text+" "+s.Caption))
			}
		}
	}
	return own, texts
}

// cached counts what of prompts a provider's cache would have.
type cached struct {
	counter               ai.TokenCounter
	before                []string // the messages of the last prompt
	ends                  map[string]bool
	prompt, prefix, exact int64 // tokens: of all prompts, and of what was cached
	replies               int64 // summaries are no replies, but their prompts count
}

// Generate implements [ai.Model]: it makes summaries.
func (c *cached) Generate(_ context.Context, r ai.Request, _ func(string)) (ai.Response, error) {
	if len(r.Tools) != 1 || !r.NoCalls {
		return ai.Response{}, errors.New("the prompt of a summary begins otherwise than the conversation's")
	}
	c.send(r.System, r.Messages)
	return ai.Response{Text: strings.Repeat("Ann likes tea. ", 80), FinishReason: "stop", Usage: ai.Usage{PromptTokens: 5000, CompletionTokens: 400}}, nil
}

func (c *cached) send(system string, messages []conversation.Message) {
	now := []string{system}
	for _, m := range messages {
		now = append(now, string(m.Role)+"\x00"+m.Content)
	}
	total, same, end, common := int64(0), int64(0), int64(0), true
	key := ""
	for i, text := range now {
		n := c.counter.Count(text) + 4
		total += n
		if common = common && i < len(c.before) && c.before[i] == text; common {
			same += n
		}
		key = fmt.Sprintf("%x", sha256.Sum256([]byte(key+text)))
		if c.ends[key] {
			end = total
		}
	}
	if same = same / 128 * 128; same < 1024 { // of the longest common prefix, in steps
		same = 0
	}
	c.prompt, c.prefix, c.exact = c.prompt+total, c.prefix+same, c.exact+end
	c.before, c.ends[key] = now, true
}

// size is the bytes of messages, which are quicker to count than tokens.
func size(messages []conversation.Message) (n int) {
	for _, m := range messages {
		n += len(m.Content)
	}
	return n
}

// The share of prompts that providers would find in their caches, over the dialogs
// of LoCoMo as one chat: those that keep the longest common prefix (OpenAI until
// GPT-5.5), and those that keep only whole requests (later ones, DeepSeek).
func TestLoCoMoCache(t *testing.T) {
	t.Parallel()
	own, texts := locomo(t)
	system := strings.Repeat("You are a helpful assistant in a chat of two friends. ", 50) // about 600 tokens
	passages := strings.Repeat("[2026-01-02] Ann: what was found of earlier days, with its author and day. ", 35)
	t.Logf("%d tokens of system prompt, %d of passages", ai.NewCounter().Count(system), ai.NewCounter().Count(passages))
	for _, o := range []struct {
		name     string
		passages bool // 800 tokens of them in every fifth question
		summary  bool // summaries are made of what leaves the window
		share    float64
		uncached int64
	}{
		{"questions alone", false, false, 0.95, 320},
		{"passages in every fifth", true, false, 0.91, 450},
		{"questions, summaries", false, true, 0.95, 320},
		{"passages, summaries", true, true, 0.91, 450},
	} {
		c := &cached{counter: ai.NewCounter(), ends: map[string]bool{}}
		a := ai.NewAssistant(ai.Options{SystemPrompt: system, ContextTokens: 8000, Counter: c.counter, Primary: ai.Endpoint{Name: "x:m", Model: c, ModelName: "m"}})
		var history []conversation.Message
		anchor, asked := int64(0), []conversation.Message(nil)
		ask := ai.Ask{Tools: []ai.Tool{{Name: "current_time"}}}
		for i, text := range texts {
			m := conversation.Message{ID: int64(i + 1), Role: conversation.RoleUser, Content: text}
			if own[i] {
				if len(asked) == 0 && c.replies%5 == 0 && o.passages {
					m.Content = passages + m.Content
				}
				asked = append(asked, m)
				continue
			}
			m.Role = conversation.RoleAssistant
			if len(asked) > 0 {
				from := slices.IndexFunc(history, func(m conversation.Message) bool { return m.ID >= anchor })
				ask.History, ask.New = history[max(from, 0):], asked
				p := a.Prompt(ask)
				if p.First != 0 {
					anchor = p.First
				}
				if p.Folded {
					ask.Summary, ask.Next = ask.Next.Text, ai.Summary{}
				}
				c.send(p.System, p.Messages)
				c.replies++
			}
			history = append(append(history, asked...), m)
			asked = nil
			from := max(slices.IndexFunc(history, func(m conversation.Message) bool { return m.ID >= anchor }), 0)
			ask.History, ask.New = history[from:], nil
			if o.summary && ask.Next.Text == "" && size(ask.History) > 20_000 && a.Tokens(ai.Prompt{System: system + ask.Summary, Messages: ask.History}) > 8000*4/5 {
				next, _, err := a.Summarise(t.Context(), ask, "")
				if err != nil {
					t.Fatal(err)
				}
				ask.Next = next
			}
		}
		for kind, hit := range map[string]int64{"longest prefix": c.prefix, "whole requests": c.exact} {
			share, uncached := float64(hit)/float64(c.prompt), (c.prompt-hit)/c.replies
			t.Logf("%-24s %-15s %d replies, %d tokens a prompt, %.1f %% from the cache, %d uncached a reply",
				o.name, kind, c.replies, c.prompt/c.replies, 100*share, uncached)
			if share < o.share || uncached > o.uncached {
				t.Errorf("%s, %s: want %.0f %% and at most %d", o.name, kind, 100*o.share, o.uncached)
			}
		}
	}
}
