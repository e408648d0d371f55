package ai

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/names"
)

// perMessage is what a message costs beside its text: role and separators
// (OpenAI cookbook, "How to count tokens with tiktoken": 3, and 1 for a name).
const perMessage = 4

// countSlice is how much of a long text is counted before looking whether it
// is too long already.
const countSlice = 32 << 10

// window returns what the model is given after the system prompt: fresh, and
// before it as many of the newest whole turns of history as fit into limit
// tokens together with system and fresh. fresh is there even when it alone is
// over. A limit of 0 or less is none.
//
// A turn starts at a user message and goes up to the next. A tool call and its
// result that do not stand together are left out; so a call in history never
// has its result in fresh.
func window(c TokenCounter, limit int, system string, history, fresh []conversation.Message) []conversation.Message {
	history, fresh = conversation.PairTools(forModel(history), true), conversation.PairTools(fresh, true)
	start := 0
	if limit > 0 {
		start = firstThatFits(c, int64(limit), system, history, fresh)
	}
	return append(history[start:len(history):len(history)], fresh...)
}

// firstThatFits returns the index in history from which everything fits.
func firstThatFits(c TokenCounter, limit int64, system string, history, fresh []conversation.Message) int {
	if systemBytes(system)+bytesOf(history)+bytesOf(fresh) <= limit {
		return 0 // no text has more tokens than bytes: nothing needs counting
	}
	left := limit - count(c, fresh, limit)
	if system != "" {
		left -= perMessage + countUpTo(c, system, limit)
	}
	start := len(history)
	for end := len(history); end > 0 && left > 0; end = start {
		turn := turnBefore(history, end)
		left -= count(c, history[turn:end], left)
		if left < 0 {
			break
		}
		start = turn
	}
	return start
}

// turnBefore returns where the turn that ends before end starts.
func turnBefore(history []conversation.Message, end int) int {
	for i := end - 1; i > 0; i-- {
		if history[i].Role == conversation.RoleUser {
			return i
		}
	}
	return 0
}

// count returns the tokens of msgs; once they are over limit it stops at some
// number above it.
func count(c TokenCounter, msgs []conversation.Message, limit int64) int64 {
	var total int64
	for _, m := range msgs {
		total += perMessage
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
		total += perMessage
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

// texts returns everything in a message that the model reads.
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

// named returns msgs with the author before each user's text, as a room that
// several people share needs it: "NAME" (SENDER_ID): text. What a name or an id
// holds cannot pose as another author.
func named(msgs []conversation.Message) []conversation.Message {
	out := make([]conversation.Message, len(msgs))
	for i, m := range msgs {
		if m.Role == conversation.RoleUser && m.Content != "" {
			m.Content = author(m) + ": " + m.Content
		}
		out[i] = m
	}
	return out
}

// author returns "NAME" (SENDER_ID); who has no name is called by the id.
func author(m conversation.Message) string {
	id := conversation.SenderOf(cmp.Or(m.Author, "*")) // a room's own key says nobody
	name := cmp.Or(names.Clean(m.SenderName()), names.Clean(id))
	return fmt.Sprintf(`"%s" (%s)`, strings.ReplaceAll(name, `"`, "'"), plainID(id))
}

// plainID writes an id so that it stays one word in brackets, and no two ids
// look alike: whatever does not show, and what would end it, is percent-encoded.
func plainID(id string) string {
	var b strings.Builder
	for _, r := range id {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) && !strings.ContainsRune(`()"%`, r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
