package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-bot/parley/conversation"
)

// toolCall is a piece of a call of a tool. Endpoints leave out index, id and
// type, give two calls one index, and write arguments as null or as an object.
type toolCall struct {
	Index *number `json:"index"`
	ID    text    `json:"id"`
	// Extra is Gemini's signature, https://ai.google.dev/gemini-api/docs/openai#thinking.
	Extra    json.RawMessage `json:"extra_content"`
	Function struct {
		Name      text   `json:"name"`
		Arguments object `json:"arguments"`
	} `json:"function"`
}

// toolCalls are put together from their pieces.
type toolCalls []*partialCall

type partialCall struct {
	index     number
	indexed   bool
	id, name  string
	arguments strings.Builder
	extra     json.RawMessage
}

func (t *toolCalls) add(piece toolCall) {
	call := t.of(piece)
	if call == nil {
		call = &partialCall{id: string(piece.ID)}
		if piece.Index != nil {
			call.index, call.indexed = *piece.Index, true
		}
		*t = append(*t, call)
	}
	if extra := piece.Extra; len(extra) > 0 && len(extra) <= maxSignature && extra[0] == '{' {
		call.extra = extra
	}
	if name := clean(string(piece.Function.Name)); name != call.name {
		call.name += name
	}
	call.arguments.WriteString(clean(string(piece.Function.Arguments)))
}

// of returns the call that a piece goes on with, nil when it begins one: a new
// id is a new call, whatever its index; a name without an id is one too, unless
// the call at its index has none yet.
func (t *toolCalls) of(piece toolCall) *partialCall {
	for i := range slices.Backward(*t) {
		call := (*t)[i]
		switch {
		case piece.ID != "":
			if call.id == string(piece.ID) {
				return call
			}
		case piece.Index != nil && call.indexed:
			if call.index == *piece.Index {
				return call
			}
		case piece.Function.Name == "" || call.name == "":
			return call
		default:
			return nil
		}
	}
	return nil
}

// signatures returns what came beside the calls, by their ids.
func (t *toolCalls) signatures() map[string]json.RawMessage {
	_, signatures := t.together()
	return signatures
}

// whole returns the calls as they are stored and sent back.
func (t *toolCalls) whole() []conversation.ToolCall {
	calls, _ := t.together()
	return calls
}

func (t *toolCalls) together() (calls []conversation.ToolCall, signatures map[string]json.RawMessage) {
	taken := map[string]bool{}
	signatures = map[string]json.RawMessage{}
	for i, partial := range *t {
		if partial.name == "" {
			continue
		}
		call := conversation.ToolCall{ID: partial.id, Type: "function"}
		if call.ID == "" || taken[call.ID] {
			call.ID = fmt.Sprintf("call_%d", i+1)
		}
		taken[call.ID] = true
		call.Function.Name = partial.name
		call.Function.Arguments = partial.arguments.String()
		if !json.Valid([]byte(call.Function.Arguments)) && strings.TrimSpace(call.Function.Arguments) == "" {
			call.Function.Arguments = "{}"
		}
		calls = append(calls, call)
		if partial.extra != nil {
			signatures[call.ID] = partial.extra
		}
	}
	return calls, signatures
}
