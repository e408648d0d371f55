package ai

import (
	"encoding/json"
	"maps"

	"github.com/parley-bot/parley/conversation"
)

// Metadata keys of tool use, in OpenAI's shape.
const (
	metaToolCalls  = "tool_calls"
	metaToolCallID = "tool_call_id"
	metaToolName   = "tool_name"
)

// ToolCall is a tool that the model asked to be used.
type ToolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"` // JSON, as the model wrote it
	} `json:"function"`
}

// ToolCalls returns the tool calls in an assistant message's metadata, nil when
// there are none that can be read.
func ToolCalls(m conversation.Message) []ToolCall {
	raw, ok := m.Metadata[metaToolCalls]
	if !ok || m.Role != conversation.RoleAssistant {
		return nil
	}
	text, err := json.Marshal(raw) // metadata comes from JSON or from Go code
	if err != nil {
		return nil
	}
	var calls []ToolCall
	if json.Unmarshal(text, &calls) != nil {
		return nil
	}
	return calls
}

// ToolCallID returns which call a tool message is the result of, "" for none.
func ToolCallID(m conversation.Message) string {
	if m.Role != conversation.RoleTool {
		return ""
	}
	id, _ := m.Metadata[metaToolCallID].(string)
	return id
}

// pairTools returns msgs without tool results whose call does not stand right
// before them and without calls that have no result: providers answer 400 to
// either, for ever after. It does not change msgs.
func pairTools(msgs []conversation.Message) []conversation.Message {
	kept := make([]conversation.Message, 0, len(msgs))
	for i := 0; i < len(msgs); {
		m, results := msgs[i], resultsAfter(msgs, i)
		i += 1 + len(results)
		calls := ToolCalls(m)
		switch {
		case m.Role == conversation.RoleTool: // its call is not before it
		case calls == nil:
			kept = append(kept, withoutCalls(m))
		default:
			kept = append(kept, pairs(m, calls, results)...)
		}
	}
	return kept
}

// resultsAfter returns the tool messages that follow the one at i.
func resultsAfter(msgs []conversation.Message, i int) []conversation.Message {
	end := i + 1
	for end < len(msgs) && msgs[end].Role == conversation.RoleTool {
		end++
	}
	return msgs[i+1 : end]
}

// pairs returns the message with those of its calls that have a result,
// followed by these results. A message that has neither calls nor text left is
// dropped.
func pairs(m conversation.Message, calls []ToolCall, results []conversation.Message) []conversation.Message {
	open := make(map[string]bool, len(calls))
	for _, c := range calls {
		open[c.ID] = c.ID != ""
	}
	var answers []conversation.Message
	answered := make(map[string]bool, len(calls))
	for _, r := range results {
		id := ToolCallID(r)
		if open[id] && !answered[id] {
			answered[id] = true
			answers = append(answers, r)
		}
	}
	var left []ToolCall
	for _, c := range calls {
		if answered[c.ID] && open[c.ID] {
			left = append(left, c)
			open[c.ID] = false // a second call of the same id has no result of its own
		}
	}
	if len(left) == 0 && m.Content == "" {
		return nil
	}
	return append([]conversation.Message{withCalls(m, calls, left)}, answers...)
}

func withCalls(m conversation.Message, all, left []ToolCall) conversation.Message {
	if len(left) == len(all) {
		return m
	}
	m = withoutCalls(m)
	if len(left) > 0 {
		m.Metadata[metaToolCalls] = left
	}
	return m
}

// withoutCalls returns the message without tool calls, on metadata of its own.
func withoutCalls(m conversation.Message) conversation.Message {
	if _, ok := m.Metadata[metaToolCalls]; !ok {
		return m
	}
	m.Metadata = maps.Clone(m.Metadata)
	delete(m.Metadata, metaToolCalls)
	return m
}
