package message

import (
	"encoding/json"
	"maps"
)

// ToolCall is a tool that the model asked to be used, in OpenAI's shape.
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
func (m *Message) ToolCalls() []ToolCall {
	raw, ok := m.Metadata[MetaToolCalls]
	if !ok || m.Role != RoleAssistant {
		return nil
	}
	switch list := raw.(type) {
	case []ToolCall:
		return list
	case []any: // read from JSON
		if calls, ok := toolCalls(list); ok {
			return calls
		}
	}
	var calls []ToolCall
	text, err := json.Marshal(raw)
	if err != nil || json.Unmarshal(text, &calls) != nil {
		return nil
	}
	return calls
}

// toolCalls reads calls as they usually are in JSON; every prompt reads them again.
func toolCalls(list []any) ([]ToolCall, bool) {
	calls := make([]ToolCall, len(list))
	for i := range list {
		call, ok := list[i].(map[string]any)
		function, ok2 := call["function"].(map[string]any)
		if !ok || !ok2 {
			return nil, false
		}
		for _, field := range []struct {
			from map[string]any
			key  string
			to   *string
		}{
			{call, "id", &calls[i].ID},
			{call, "type", &calls[i].Type},
			{function, "name", &calls[i].Function.Name},
			{function, "arguments", &calls[i].Function.Arguments},
		} {
			if *field.to, ok = field.from[field.key].(string); !ok {
				return nil, false
			}
		}
	}
	return calls, true
}

// ToolCallID returns which call a tool message is the result of, "" for none.
func (m *Message) ToolCallID() string {
	if m.Role != RoleTool {
		return ""
	}
	return text(m.Metadata, MetaToolCallID)
}

// PairTools returns msgs without tool results that have no call before them and
// without calls that got no result: a model's provider answers 400 to either, for
// ever after. The text of an assistant's message stays when its calls go.
// adjacent is what providers want: results right behind the message that calls.
// msgs stays as it is.
func PairTools(msgs []Message, adjacent bool) []Message {
	type call struct{ message, n int }
	open := map[string]call{}
	answered := map[call]bool{}
	orphan := map[int]bool{}
	for i := range msgs {
		if msgs[i].Role != RoleTool {
			if adjacent {
				clear(open)
			}
			for n, c := range msgs[i].ToolCalls() {
				if have, ok := open[c.ID]; c.ID != "" && (!ok || have.message != i) {
					open[c.ID] = call{i, n}
				}
			}
			continue
		}
		id := msgs[i].ToolCallID()
		if c, ok := open[id]; ok {
			answered[c] = true
			delete(open, id) // a second result has no call
		} else {
			orphan[i] = true
		}
	}
	kept := make([]Message, 0, len(msgs))
	for i, msg := range msgs {
		if orphan[i] {
			continue
		}
		if _, has := msg.Metadata[MetaToolCalls]; has {
			msg = msg.KeepCalls(func(n int) bool { return answered[call{i, n}] })
			if _, still := msg.Metadata[MetaToolCalls]; !still && msg.Content == "" && msg.Role == RoleAssistant {
				continue
			}
		}
		kept = append(kept, msg)
	}
	return kept
}

// KeepCalls returns m with only those tool calls that keep allows.
func (m Message) KeepCalls(keep func(n int) bool) Message {
	var left []any
	calls := m.ToolCalls()
	raw, _ := m.Metadata[MetaToolCalls].([]any) // with whatever else a call holds
	for n := range calls {
		switch {
		case !keep(n):
		case len(raw) == len(calls):
			left = append(left, raw[n])
		default:
			left = append(left, calls[n])
		}
	}
	if len(left) == len(calls) && len(left) > 0 {
		return m
	}
	m.Metadata = maps.Clone(m.Metadata)
	delete(m.Metadata, MetaToolCalls)
	if len(left) > 0 {
		m.Metadata[MetaToolCalls] = left
	}
	return m
}
