package ai

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/failure"
)

// talk is a conversation of any kind, as its prompts see it.
type talk struct {
	*rand.Rand

	kept   []conversation.Message
	anchor int64
}

func (k *talk) text(most int) string {
	return strings.TrimSpace(strings.Repeat("word ", 1+k.IntN(most)))
}

func (k *talk) keep(msgs ...conversation.Message) {
	for _, m := range msgs {
		m.ID = int64(len(k.kept) + 1)
		k.kept = append(k.kept, m)
	}
}

// question is what somebody asks: rarely more than the window holds.
func (k *talk) question(n int) []conversation.Message {
	m := said(fmt.Sprintf("q%d %s", n, k.text(20)))
	switch k.IntN(200) {
	case 0:
		m.Content += " " + k.text(2000)
	case 10, 11, 12, 13, 14, 15:
		m.Context = []conversation.Passage{{Text: "> " + k.text(30)}, {Text: k.text(9)}}
	case 1, 2, 3, 4, 5, 6, 7, 8, 9:
		return []conversation.Message{m, said("and " + k.text(5))}
	}
	m.Author = fmt.Sprintf("slack:group:U%d", k.IntN(3))
	return []conversation.Message{m}
}

// answer is what is kept of the answer: tools, half a reply, nothing.
func (k *talk) answer(n int) []conversation.Message {
	switch k.IntN(10) {
	case 0:
		return nil // given up
	case 1:
		m := answered("half " + k.text(9))
		m.Metadata = map[string]any{message.MetaInterrupted: true}
		return []conversation.Message{m}
	case 2, 3:
		a, b := fmt.Sprint("c", n), fmt.Sprint("d", n)
		quoting := result(b)
		quoting.Context = []conversation.Passage{{Text: "what others said " + k.text(20)}}
		thinking, done := calling("let me see", a, b), answered(k.text(30))
		if k.IntN(2) == 0 { // a provider wants its thoughts back
			thinking.Opaque = json.RawMessage(fmt.Sprintf(`{"thoughts":%q}`, k.text(40)))
			done.Opaque = json.RawMessage(fmt.Sprintf(`{"thoughts":%q}`, k.text(9)))
		}
		return []conversation.Message{thinking, result(a), quoting, done}
	case 4:
		return []conversation.Message{command(said("/help")), command(answered(k.text(99))), answered(k.text(20))}
	}
	return []conversation.Message{answered(k.text(40))}
}

// Over ten thousand turns every prompt is within the window, begins with the one
// before, byte for byte, unless the window was full, and is then cut to half.
func TestPromptsGrowAtTheirEnd(t *testing.T) {
	t.Parallel()
	const limit = 600
	for name, o := range map[string]struct {
		room  bool
		turns int // left at most
		n     int
	}{"one person": {n: 10_000}, "a room": {room: true, n: 1000}, "cut to few turns": {turns: 3, n: 1000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := NewAssistant(Options{SystemPrompt: "be brief please", ContextTokens: limit, Counter: words{}})
			k := &talk{Rand: rand.New(rand.NewPCG(1, 2))}
			before, cuts := "", 0
			for n := range o.n {
				fresh := k.question(n)
				p := a.Prompt(Ask{History: k.kept[max(k.anchor-1, 0):], New: fresh, Room: o.room, MaxTurns: o.turns})
				if cost := tokens(p.System, p.Messages); cost > limit {
					t.Fatalf("turn %d: %d tokens", n, cost)
				} else if p.First != 0 && cost > limit/2 && len(p.Messages) > 1 {
					t.Fatalf("turn %d: cut to %d tokens", n, cost)
				}
				checkPairs(t, p.Messages)
				checkRoles(t, p.Messages)
				now := rendered(p.Messages)
				switch {
				case p.First != 0:
					cuts++
					if turns := strings.Count(now, "\x00u:"); o.turns > 0 && turns > o.turns+1 {
						t.Fatalf("turn %d: %d turns are left", n, turns)
					}
					if k.IntN(3) > 0 { // else the attempt comes to nothing, and its cut with it
						k.anchor = p.First
					}
				case n > 0 && !strings.HasPrefix(now, before):
					t.Fatalf("turn %d: %s\n does not go on with\n%s", n, now, before)
				}
				if !strings.Contains(now, fmt.Sprintf("q%d ", n)) {
					t.Fatalf("turn %d is not asked", n)
				}
				before = now
				k.keep(fresh...)
				k.keep(k.answer(n)...)
			}
			if cuts == 0 || cuts > o.n/5 {
				t.Errorf("%d cuts", cuts)
			}
		})
	}
}

// keeper is a model whose summaries have all facts that it is told, and nothing else.
type keeper struct{ summaries int }

var fact = regexp.MustCompile(`fact-\d+`)

// Generate implements [Model].
func (m *keeper) Generate(_ context.Context, r Request, _ func(string)) (Response, error) {
	m.summaries++
	all := fact.FindAllString(r.System, -1)
	for i := range r.Messages {
		all = append(all, fact.FindAllString(r.Messages[i].Content, -1)...)
	}
	slices.Sort(all)
	return Response{Text: "They spoke of " + strings.Join(slices.Compact(all), ", "), FinishReason: "stop"}, nil
}

// A fact of turn 3 is in each of ten thousand prompts, with tools and what providers
// want back in them: in its message, or in the summary that stands for it, which is
// written anew hundreds of times.
func TestAFactOfTurnThreeStaysKnown(t *testing.T) {
	t.Parallel()
	const limit, turns = 600, 10_000
	m := &keeper{}
	a := NewAssistant(Options{SystemPrompt: "be brief please", ContextTokens: limit, Counter: words{}, Primary: Endpoint{Name: "x:m", Model: m, ModelName: "m"}})
	k := &talk{Rand: rand.New(rand.NewPCG(3, 4))}
	ask := Ask{}
	for n := range turns {
		fresh := k.question(n)
		if n == 3 {
			fresh[0].Content = "fact-3 " + fresh[0].Content
		}
		ask.History, ask.New = k.kept[max(k.anchor-1, 0):], fresh
		p := a.Prompt(ask)
		if cost := tokens(p.System, p.Messages); cost > limit {
			t.Fatalf("turn %d: %d tokens", n, cost)
		}
		if p.First != 0 {
			k.anchor = p.First
		}
		if p.Folded {
			ask.Summary = ask.Next.Text
		}
		if p.First != 0 || p.Folded {
			ask.Next = Summary{}
		}
		if now := p.System + rendered(p.Messages); n >= 3 && !strings.Contains(now, "fact-3") {
			t.Fatalf("turn %d: nobody knows of it any more: %s", n, now)
		}
		k.keep(fresh...)
		answer := k.answer(n)
		k.keep(answer...)
		if text := rendered(answer); ask.Next.Text == "" && a.full("", p, text) {
			ask.History, ask.New = k.kept[max(k.anchor-1, 0):], nil
			if next, _, err := a.Summarise(t.Context(), ask, ""); err == nil {
				ask.Next = next
			} else if failure.CodeOf(err) != CodeNothingToFold {
				t.Fatal(err)
			}
		}
	}
	if m.summaries < turns/100 {
		t.Errorf("%d summaries", m.summaries)
	}
}

// rendered writes messages so that a prompt that goes on begins with the same bytes.
func rendered(msgs []conversation.Message) string {
	var b strings.Builder
	for _, m := range msgs {
		fmt.Fprintf(&b, "\x00%c:%v:%s:%s:%s", m.Role[0], m.ToolCalls(), m.ToolCallID(), m.Opaque, m.Content)
	}
	return b.String()
}

// What is asked is shortened in its middle when it alone is more than the window.
func TestQuestionLargerThanTheWindow(t *testing.T) {
	t.Parallel()
	c := NewCounter()
	a := NewAssistant(Options{SystemPrompt: "Be brief.", ContextTokens: 500, Counter: c})
	long := "Begin. " + strings.Repeat("天气很好, and warm. ", 5000) + "What was this about?"
	history := []conversation.Message{said("hello"), answered("hi")}
	history[0].ID, history[1].ID = 7, 8
	p := a.Prompt(Ask{History: history, New: []conversation.Message{said(long)}})
	got := p.Messages[0].Content
	if len(p.Messages) != 1 || !strings.HasPrefix(got, "Begin. ") || !strings.HasSuffix(got, "What was this about?") || strings.Count(got, leftOut) != 1 {
		t.Errorf("%d messages: %s", len(p.Messages), got)
	}
	if n := count(c, p.Messages, 1<<40) + perMessage + c.Count("Be brief."); n > 500 || n < 350 {
		t.Errorf("%d tokens for a window of 500", n)
	}
	if p.First != 9 {
		t.Errorf("the next prompt begins with message %d", p.First)
	}
}

func TestSummaryStandsInTheSystemMessage(t *testing.T) {
	t.Parallel()
	a := NewAssistant(Options{SystemPrompt: "Be brief.", Counter: words{}})
	p := a.Prompt(Ask{Summary: "They like tea.", New: []conversation.Message{said("hi")}})
	if p.System != "Be brief.\n\n"+summaryHead+"They like tea." || len(p.Messages) != 1 {
		t.Errorf("%q", p.System)
	}
}

// What stands beside a message comes before what somebody says, and in place of what
// is kept of a tool's result.
func TestWhatStandsBeside(t *testing.T) {
	t.Parallel()
	a := NewAssistant(Options{Counter: words{}})
	asked, found := said("why?"), result("c1")
	asked.Author, asked.Context = "slack:group:U1", []conversation.Passage{{Text: "> one"}, {Text: "two"}}
	found.Context = []conversation.Passage{{Text: "all of it"}}
	p := a.Prompt(Ask{Room: true, New: []conversation.Message{asked, calling("", "c1"), found}})
	if got := p.Messages[0].Content; got != "\"U1\" (U1): > one\n\ntwo\n\nwhy?" || p.Messages[2].Content != "all of it" || asked.Content != "why?" {
		t.Errorf("%q, %q", got, p.Messages[2].Content)
	}
}
