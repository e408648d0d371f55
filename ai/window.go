package ai

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
)

// perMessage is what a message costs beside its text: role and separators
// (OpenAI cookbook, "How to count tokens with tiktoken": 3, and 1 for a name).
const perMessage = 4

// countSlice is how much of a long text is counted before looking whether it
// is too long already.
const countSlice = 32 << 10

// Prompt is what a model is given to answer.
type Prompt struct {
	System   string
	Messages []conversation.Message // oldest first; no two of a user, or of the assistant, follow each other
	// First is the id of the message with which the history begins, where it was
	// cut; 0 = nothing was left out.
	First int64
	// Folded says that the window was full, and that the next summary stands for
	// what was left out.
	Folded bool
}

// window says how much a model is given.
type window struct {
	counter TokenCounter
	limit   int64 // tokens of everything; 0 = no limit
	leave   int64 // tokens of everything that a cut leaves
	turns   int   // of history that a cut leaves at most; 0 = no bound
}

// fit returns the prompt of a system prompt, a history and what is to be
// answered. As long as all of it is within the limit nothing is left out; else
// the oldest turns are, so many that the next prompts can grow for a while. What
// is to be answered is there even then, shortened where it is too long by itself.
// partial says that there is more history than is given. A cut puts next, where
// there is one, in place of all that it stands for.
//
// A turn starts at what users say and goes up to the next. A tool call and its
// result that do not stand together are left out; so a call in history never has
// its result in fresh.
func (w window) fit(system string, next *folded, history, fresh []conversation.Message, partial bool) Prompt {
	old, asked := merged(message.PairTools(forModel(history), true)), merged(message.PairTools(fresh, true))
	p := Prompt{System: system}
	start := 0
	if w.limit > 0 && !w.holds(system, old, asked) || partial {
		if next != nil {
			p.System, p.Folded = next.system, true
		}
		asked = w.shortened(p.System, asked)
		start = w.cut(p.System, old, asked)
		if after := next.after(old); after > 0 && w.roomy().holds(p.System, old[after:], asked) {
			start = after
		}
	}
	switch {
	case start < len(old) && (start > 0 || partial):
		p.First = old[start].ID
	case start == len(old) && len(history) > 0 && (start > 0 || partial):
		p.First = history[len(history)-1].ID + 1
	}
	p.Messages = merged(append(old[start:len(old):len(old)], asked...))
	return p
}

// folded is a summary that has not come into prompts yet.
type folded struct {
	system string // the system prompt with it
	end    int64  // the last message that it stands for
}

// after returns the index of the first message that the summary does not stand for.
func (f *folded) after(old []conversation.Message) int {
	if f == nil {
		return 0
	}
	i := slices.IndexFunc(old, func(m conversation.Message) bool { return m.ID > f.end })
	if i < 0 {
		return len(old)
	}
	return i
}

// roomy is a window that leaves room for prompts to grow.
func (w window) roomy() window {
	w.limit -= w.limit / 4
	return w
}

// holds reports whether everything is within the limit.
func (w window) holds(system string, old, asked []conversation.Message) bool {
	if systemBytes(system)+bytesOf(old)+bytesOf(asked) <= w.limit {
		return true // no text has more tokens than bytes: nothing needs counting
	}
	left := w.limit - w.system(system)
	left -= count(w.counter, asked, left)
	return left >= 0 && count(w.counter, old, left) <= left
}

func (w window) system(text string) int64 {
	if text == "" {
		return 0
	}
	return perMessage + countUpTo(w.counter, text, max(w.limit, w.leave))
}

// cut returns where the history begins that a cut leaves: at a turn's start.
func (w window) cut(system string, old, asked []conversation.Message) int {
	left := w.leave - w.system(system) - count(w.counter, asked, w.leave)
	start := len(old)
	for turns := 0; start > 0 && (w.turns == 0 || turns < w.turns); turns++ {
		turn := start - 1
		for turn > 0 && old[turn].Role != conversation.RoleUser {
			turn--
		}
		if w.limit > 0 {
			if left -= count(w.counter, old[turn:start], left); left < 0 {
				break
			}
		}
		start = turn
	}
	return start
}

// leftOut stands where the middle of a text was left out for a model.
const leftOut = "\n[… the middle of this text is left out, because it is too long …]\n"

// leastRoom is how many tokens of a question there is always room for, however
// long the system prompt.
const leastRoom = 64

// shortened returns what is to be answered without the middle of its longest
// texts, where it alone is over the limit.
func (w window) shortened(system string, asked []conversation.Message) []conversation.Message {
	if w.limit <= 0 {
		return asked
	}
	room := max(w.limit-w.system(system), leastRoom)
	asked = append([]conversation.Message(nil), asked...)
	for range asked {
		over := count(w.counter, asked, room+countSlice) - room
		if over <= 0 {
			break
		}
		longest := &asked[0]
		for i := range asked {
			if len(asked[i].Content) > len(longest.Content) {
				longest = &asked[i]
			}
		}
		others := count(w.counter, asked, 1<<62) - w.counter.Count(longest.Content)
		longest.Content = w.withoutMiddle(longest.Content, max(room-others, 0))
	}
	return asked
}

// withoutMiddle returns about as much of both ends of a text as has so many tokens.
func (w window) withoutMiddle(text string, tokens int64) string {
	both := func(n int64) string {
		head, tail := int(n/2), len(text)-int(n/2)
		for head > 0 && !utf8.RuneStart(text[head]) {
			head--
		}
		for tail < len(text) && !utf8.RuneStart(text[tail]) {
			tail++
		}
		return text[:head] + leftOut + text[tail:]
	}
	low := max(0, tokens-int64(len(leftOut))) // bytes that fit for sure
	high := min(int64(len(text)), 8*tokens)
	for range 8 {
		middle := (low + high) / 2
		if middle <= low {
			break
		}
		if countUpTo(w.counter, both(middle), tokens) <= tokens {
			low = middle
		} else {
			high = middle
		}
	}
	return both(low)
}

// told returns msgs with what stands beside their contents: before what somebody
// says, with the names of files that came with it, and in place of what is kept of
// a tool's result.
func told(msgs []conversation.Message) []conversation.Message {
	out := slices.Clone(msgs)
	for i := range out {
		var texts []string
		for _, p := range out[i].Context {
			texts = append(texts, p.Text)
		}
		files := out[i].Files()
		for _, f := range files {
			texts = append(texts, f.String())
		}
		if len(texts) == 0 {
			continue
		}
		if out[i].Role != conversation.RoleTool && out[i].Content != "" && out[i].Content != message.Named(files) {
			texts = append(texts, out[i].Content)
		}
		out[i].Content, out[i].Context = strings.Join(texts, "\n\n"), nil
	}
	return out
}

// merged returns msgs with those of users, or of the assistant, that follow each
// other as one: providers refuse them else, or answer only the last.
func merged(msgs []conversation.Message) []conversation.Message {
	out := make([]conversation.Message, 0, len(msgs))
	for _, m := range msgs {
		last := len(out) - 1
		if last < 0 || !joins(&out[last], &m) {
			out = append(out, m)
			continue
		}
		switch {
		case out[last].Content == "":
			out[last].Content = m.Content
		case m.Content != "":
			out[last].Content += "\n\n" + m.Content
		}
		if len(m.ToolCalls()) > 0 {
			out[last].Metadata, out[last].Opaque = m.Metadata, m.Opaque
		}
	}
	return out
}

func joins(a, b *conversation.Message) bool {
	speaks := a.Role == conversation.RoleUser || a.Role == conversation.RoleAssistant
	return speaks && a.Role == b.Role && len(a.ToolCalls()) == 0
}

// count returns the tokens of msgs; once they are over limit it stops at some
// number above it.
func count(c TokenCounter, msgs []conversation.Message, limit int64) int64 {
	var total int64
	for _, m := range msgs {
		total += perMessage + (int64(len(m.Opaque))+bytesPerToken-1)/bytesPerToken // its words are not for us to count
		for _, text := range texts(m) {
			total += countUpTo(c, text, limit-total)
		}
		if total > limit {
			break
		}
	}
	return total
}

// countUpTo counts text, in slices when it is long, and stops once it is over limit.
func countUpTo(c TokenCounter, text string, limit int64) int64 {
	var total int64
	for len(text) > countSlice && total <= limit {
		cut := countSlice
		for cut > countSlice-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		total += c.Count(text[:cut])
		text = text[cut:]
	}
	if total > limit {
		return total
	}
	return total + c.Count(text)
}

func bytesOf(msgs []conversation.Message) int64 {
	var total int64
	for _, m := range msgs {
		total += perMessage + int64(len(m.Opaque))
		for _, text := range texts(m) {
			total += int64(len(text))
		}
	}
	return total
}

func systemBytes(system string) int64 {
	if system == "" {
		return 0
	}
	return perMessage + int64(len(system))
}

// texts returns everything in a message that the model reads, but what its provider
// wants back.
func texts(m conversation.Message) []string {
	all := []string{m.Content}
	for _, call := range m.ToolCalls() {
		all = append(all, call.ID, call.Function.Name, call.Function.Arguments)
	}
	if id := m.ToolCallID(); id != "" {
		all = append(all, id)
	}
	return all
}

// forModel leaves out commands with their answers, which are for people, and
// messages that say nothing, which providers refuse. What takes part in tool
// use stays.
func forModel(msgs []conversation.Message) []conversation.Message {
	kept := make([]conversation.Message, 0, len(msgs))
	for _, m := range msgs {
		speaks := m.Content != "" || m.Role == conversation.RoleTool || len(m.ToolCalls()) > 0
		if speaks && !m.IsCommand() {
			kept = append(kept, m)
		}
	}
	return kept
}
