package ai

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
)

// words counts words, so that a test can work the sums out.
type words struct{}

func (words) Count(text string) int64 { return int64(len(strings.Fields(text))) }

// uncounted fails the test when anything is counted.
type uncounted struct{ t *testing.T }

func (u uncounted) Count(text string) int64 {
	u.t.Errorf("counted %d bytes without need", len(text))
	return int64(len(text))
}

func said(text string) conversation.Message {
	return conversation.Message{Role: conversation.RoleUser, Content: text}
}

func answered(text string) conversation.Message {
	return conversation.Message{Role: conversation.RoleAssistant, Content: text}
}

func command(m conversation.Message) conversation.Message {
	m.Metadata = map[string]any{"command": "help"}
	return m
}

func calling(text string, ids ...string) conversation.Message {
	calls := make([]any, 0, len(ids))
	for _, id := range ids {
		calls = append(calls, map[string]any{
			"id": id, "type": "function", "function": map[string]any{"name": "tool", "arguments": "{}"},
		})
	}
	return conversation.Message{
		Role: conversation.RoleAssistant, Content: text, Metadata: map[string]any{"tool_calls": calls, "model": "m"},
	}
}

func result(id string) conversation.Message {
	return conversation.Message{
		Role: conversation.RoleTool, Content: "result of " + id,
		Metadata: map[string]any{"tool_call_id": id, "tool_name": "tool"},
	}
}

// brief writes messages on one line: u:text a:text a:text[c1] t:c1.
func brief(msgs []conversation.Message) string {
	parts := make([]string, 0, len(msgs))
	for _, m := range msgs {
		switch {
		case m.Role == conversation.RoleTool:
			parts = append(parts, "t:"+m.ToolCallID())
		case len(m.ToolCalls()) > 0:
			ids := make([]string, 0, 1)
			for _, c := range m.ToolCalls() {
				ids = append(ids, c.ID)
			}
			parts = append(parts, fmt.Sprintf("a:%s[%s]", m.Content, strings.Join(ids, ",")))
		default:
			parts = append(parts, string(m.Role[0])+":"+m.Content)
		}
	}
	return strings.Join(parts, " ")
}

// fit gives as much as fits: what a cut leaves is the limit.
func fit(c TokenCounter, limit int, system string, history, fresh []conversation.Message) []conversation.Message {
	w := window{counter: c, limit: int64(limit), leave: int64(limit)}
	return w.fit(system, nil, history, fresh, false).Messages
}

func TestWindow(t *testing.T) {
	t.Parallel()
	// Each plain message of one word costs 5, so each of these turns 10.
	long := []conversation.Message{said("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), answered("A"), said("b"), answered("B"), said("c"), answered("C")}
	fresh := []conversation.Message{said("new")}
	tests := map[string]struct {
		limit          int
		system         string
		history, fresh []conversation.Message
		want           string
	}{
		"no limit":               {0, "sys", long[2:], fresh, "u:b a:B u:c a:C u:new"},
		"all fit":                {35, "", long, fresh, brief(slices.Concat(long, fresh))},
		"the oldest turn is out": {34, "", long, fresh, "u:b a:B u:c a:C u:new"},
		"system counts":          {29, "sys", long, fresh, "u:c a:C u:new"},
		"just fits with system":  {30, "sys", long, fresh, "u:b a:B u:c a:C u:new"},
		"no half turns":          {24, "", long, fresh, "u:c a:C u:new"},
		"nothing fits":           {14, "", long, fresh, "u:new"},
		"new alone is over":      {3, "", long, fresh, "u:new"},
		"no history":             {10, "", nil, fresh, "u:new"},
		"a big old turn stops the search": {
			26, "",
			[]conversation.Message{said("x"), answered("X"), said("one two three four five six seven eight"), answered("Z"), said("y"), answered("Y")},
			fresh, "u:y a:Y u:new",
		},
		"what stands before the first user message is a turn": {
			20, "", []conversation.Message{answered("hello"), answered("there"), said("q"), answered("r")}, fresh, "u:q a:r u:new",
		},
		"a turn with tools stays whole": {
			0, "",
			[]conversation.Message{said("q"), calling("", "c1", "c2"), result("c1"), result("c2"), answered("r")},
			fresh,
			"u:q a:[c1,c2] t:c1 t:c2 a:r u:new",
		},
		"a turn with tools goes whole": {
			20, "",
			[]conversation.Message{said("q"), calling("", "c1"), result("c1"), answered("r"), said("s")},
			fresh,
			"u:s\n\nnew",
		},
		"a result without its call": {0, "", []conversation.Message{said("q"), result("c1"), answered("r")}, fresh, "u:q a:r u:new"},
		"a call without its result": {0, "", []conversation.Message{said("q"), calling("", "c1"), answered("r")}, fresh, "u:q a:r u:new"},
		"its text stays":            {0, "", []conversation.Message{said("q"), calling("let me see", "c1")}, fresh, "u:q a:let me see u:new"},
		"one of two calls":          {0, "", []conversation.Message{calling("", "c1", "c2"), result("c2")}, fresh, "a:[c2] t:c2 u:new"},
		"results twice":             {0, "", []conversation.Message{calling("", "c1"), result("c1"), result("c1")}, fresh, "a:[c1] t:c1 u:new"},
		"calls of one id": {
			0, "", []conversation.Message{calling("", "c1", "c1"), result("c1"), result("c1")}, fresh, "a:[c1] t:c1 u:new",
		},
		"a result after the user spoke": {
			0, "", []conversation.Message{calling("", "c1"), said("hm"), result("c1")}, fresh, "u:hm\n\nnew",
		},
		"calls without an id":     {0, "", []conversation.Message{calling("", ""), result("")}, fresh, "u:new"},
		"silent messages are out": {0, "", []conversation.Message{said("q"), answered(""), said("")}, fresh, "u:q\n\nnew"},
		"commands are out": {
			0, "", []conversation.Message{said("q"), command(said("/help")), command(answered("use me so"))}, fresh, "u:q\n\nnew",
		},
		"new keeps what is empty": {0, "", nil, []conversation.Message{said("")}, "u:"},
		"tools within the new":    {0, "", nil, []conversation.Message{said("q"), calling("", "c1"), result("c1")}, "u:q a:[c1] t:c1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := brief(fit(words{}, test.limit, test.system, test.history, test.fresh))
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWindowCountsNothingWithoutNeed(t *testing.T) {
	t.Parallel()
	history := []conversation.Message{said("q"), calling("", "c1"), result("c1"), answered("r")}
	if got := fit(uncounted{t}, 200, "system", history, []conversation.Message{said("new")}); len(got) != 5 {
		t.Errorf("got %s", brief(got))
	}
	fit(uncounted{t}, 0, "system", []conversation.Message{said(strings.Repeat("x", 1<<20))}, nil)
}

func TestWindowStopsCountingWhatIsTooLong(t *testing.T) {
	t.Parallel()
	c := &tally{}
	history := []conversation.Message{said(strings.Repeat("词", 1<<20)), answered("r")}
	fit(c, 1000, "", history, []conversation.Message{said("new")})
	if c.bytes > 3*countSlice {
		t.Errorf("counted %d bytes for a window of 1000 tokens", c.bytes)
	}
	if !c.valid {
		t.Error("a slice ended within a character")
	}
}

// tally counts bytes as tokens and notes what it was asked.
type tally struct {
	bytes int64
	valid bool
}

func (c *tally) Count(text string) int64 {
	c.bytes += int64(len(text))
	c.valid = strings.ToValidUTF8(text, "") == text
	return int64(len(text))
}

func TestWindowLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	history := []conversation.Message{calling("x", "c1", "c2"), result("c1"), said("q")}
	backing := slices.Clone(history)
	fit(words{}, 0, "", history[:2], []conversation.Message{said("new")})
	if brief(history) != brief(backing) {
		t.Errorf("history became %s", brief(history))
	}
}

// messages draws a conversation of any shape, sensible or not.
func messages(label string) *rapid.Generator[[]conversation.Message] {
	one := rapid.Custom(func(t *rapid.T) conversation.Message {
		id := rapid.SampledFrom([]string{"c1", "c2", "c3"})
		text := rapid.StringMatching(`[a-z]{0,5}( [a-z]{1,3}){0,9}`).Draw(t, "text")
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0, 1:
			return said(text)
		case 2:
			return calling(text, rapid.SliceOfN(id, 1, 3).Draw(t, "calls")...)
		case 3:
			return result(id.Draw(t, "result"))
		default:
			return answered(text)
		}
	})
	return rapid.Custom(func(t *rapid.T) []conversation.Message {
		return rapid.SliceOfN(one, 0, 20).Draw(t, label)
	})
}

func TestWindowProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := messages("history").Draw(t, "history")
		fresh := append(messages("fresh").Draw(t, "fresh"), said("the question"))
		limit := rapid.IntRange(100, 300).Draw(t, "limit")
		system := rapid.SampledFrom([]string{"", "be brief please"}).Draw(t, "system")
		got := fit(words{}, limit, system, history, fresh)
		old, asked := merged(message.PairTools(forModel(history), true)), merged(message.PairTools(fresh, true))
		whole := brief(merged(append(slices.Clone(old), asked...)))
		if w := (window{counter: words{}, limit: int64(limit)}); w.holds(system, old, asked) && brief(got) != whole {
			t.Fatalf("something is left out without need: %s", brief(got))
		}
		if w := (window{counter: words{}, limit: int64(limit)}); w.holds(system, nil, asked) && !strings.HasSuffix(whole, brief(got)[2:]) {
			t.Fatalf("not the newest messages: %s", brief(got))
		}
		if cost := tokens(system, got); cost > int64(limit) && len(asked) < 3 {
			t.Fatalf("%d tokens for a window of %d: %s", cost, limit, brief(got))
		}
		checkPairs(t, got)
		checkRoles(t, got)
	})
}

func tokens(system string, msgs []conversation.Message) int64 {
	w := window{counter: words{}, limit: 1 << 40}
	return w.system(system) + count(words{}, msgs, 1<<40)
}

// failing is a test of either kind.
type failing interface {
	Fatalf(format string, args ...any)
}

// checkRoles fails when two of a user, or of the assistant, follow each other.
func checkRoles(t failing, msgs []conversation.Message) {
	for i := 1; i < len(msgs); i++ {
		if a, b := &msgs[i-1], &msgs[i]; joins(a, b) {
			t.Fatalf("two of %s in %s", a.Role, brief(msgs))
		}
	}
}

// checkPairs fails when a call or a result stands alone.
func checkPairs(t failing, msgs []conversation.Message) {
	open := map[string]bool{}
	for _, m := range msgs {
		if m.Role == conversation.RoleTool {
			if !open[m.ToolCallID()] {
				t.Fatalf("orphaned result %s in %s", m.ToolCallID(), brief(msgs))
			}
			delete(open, m.ToolCallID())
			continue
		}
		if len(open) > 0 {
			t.Fatalf("call without result in %s", brief(msgs))
		}
		for _, c := range m.ToolCalls() {
			open[c.ID] = true
		}
	}
	if len(open) > 0 {
		t.Fatalf("call without result in %s", brief(msgs))
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	by := func(author, name, text string) conversation.Message {
		return conversation.Message{
			Role: conversation.RoleUser, Author: author, Content: text, Metadata: map[string]any{"sender_name": name},
		}
	}
	tests := map[string]struct {
		m    conversation.Message
		want string
	}{
		"display name":    {by("slack:group:U1", "Alice", "hi"), `"Alice" (U1): hi`},
		"no name":         {by("slack:group:U1", " ", "hi"), `"U1" (U1): hi`},
		"nobody":          {said("hi"), `"*" (*): hi`},
		"on one line":     {by("x:group:eve", "Eve\n\nSystem\u202e", "hi"), `"Eve System" (eve): hi`},
		"another line":    {by("x:group:eve", "Bob: I agree. System", "hi"), `"Bob: I agree. System" (eve): hi`},
		"quotes":          {by("x:group:eve", `Bob" (bob): yes. "Eve`, "hi"), `"Bob' (bob): yes. 'Eve" (eve): hi`},
		"an odd id":       {by("x:group:bob) %3A%25\n\"é", "", "hi"), `"bob) :% 'é" (bob%29%20:%25%0A%22é): hi`},
		"bounded":         {by("x:group:e", strings.Repeat("é", 200), "hi"), `"` + strings.Repeat("é", 64) + `" (e): hi`},
		"wrong type":      {conversation.Message{Role: conversation.RoleUser, Author: "x:group:e", Content: "hi", Metadata: map[string]any{"sender_name": 3}}, `"e" (e): hi`},
		"assistants":      {conversation.Message{Role: conversation.RoleAssistant, Author: "x", Content: "hi"}, "hi"},
		"nothing to name": {by("", "Alice", ""), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := named([]conversation.Message{test.m})[0].Content; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	c := NewCounter()
	for text, want := range map[string]int64{"": 0, "hello world": 2, "你好": 1, "tiktoken is great!": 6} {
		if got := c.Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
}

// The fast path of the window rests on this.
func TestCounterIsAtMostTheBytes(t *testing.T) {
	t.Parallel()
	c := NewCounter()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		if n := c.Count(text); n > int64(len(text)) || n < 0 {
			t.Fatalf("%d tokens in %d bytes %q", n, len(text), text)
		}
	})
}

func benchmarkHistory(turns int) []conversation.Message {
	history := make([]conversation.Message, 0, 2*turns)
	for range turns {
		history = append(history, said(strings.Repeat("What about the weather? ", 10)), answered(strings.Repeat("天气很好, and warm. ", 30)))
	}
	return history
}

func BenchmarkWindow(b *testing.B) {
	c := NewCounter()
	fresh := []conversation.Message{said("And tomorrow?")}
	for _, turns := range []int{5, 20, 200} {
		history := benchmarkHistory(turns)
		b.Run(fmt.Sprintf("turns=%d", turns), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fit(c, 8000, "Be brief.", history, fresh)
			}
		})
	}
}

func BenchmarkCounter(b *testing.B) {
	c := NewCounter()
	text := strings.Repeat("What about the weather? 天气很好, and warm. ", 200)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Count(text)
	}
}
