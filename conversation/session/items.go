package session

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/parley-bot/parley/conversation/message"
)

// Keys of the metadata of a message that a session stored, beside those of tool use.
const (
	metaItemID  = "item_id"
	metaItem    = "item_kind"
	metaHandoff = "handoff"
)

// MessagesOf returns items as messages for a model: tool calls are folded into
// the assistant's message before them, or into an empty one where there is
// none; a tool output becomes a tool message, a handoff a system message. An
// output without its call, which a limit may have cut off, is left out.
func MessagesOf(items []Item) []message.Message {
	msgs := make([]message.Message, 0, len(items))
	called := map[string]bool{}
	for i := range items {
		it := &items[i]
		switch it.Kind {
		case ItemToolCall:
			called[it.callID()] = true
			msgs = foldCall(msgs, it)
		case ItemToolOutput:
			if called[it.callID()] {
				msgs = append(msgs, it.message())
			}
		default:
			msgs = append(msgs, it.message())
		}
	}
	return msgs
}

// ItemsOf is the inverse of [MessagesOf], for messages that are not stored yet.
func ItemsOf(msgs []message.Message) []Item {
	items := make([]Item, 0, len(msgs))
	for i := range msgs {
		m := &msgs[i]
		items = append(items, foreignItems(Item{Role: m.Role, Content: m.Content, CreatedAt: m.Timestamp}, m)...)
	}
	return items
}

// foldCall adds a tool call to the assistant's message at the end of msgs.
func foldCall(msgs []message.Message, it *Item) []message.Message {
	if len(msgs) == 0 || msgs[len(msgs)-1].Role != message.RoleAssistant {
		return append(msgs, it.message())
	}
	last := &msgs[len(msgs)-1]
	calls, _ := last.Metadata[message.MetaToolCalls].([]any)
	last.Metadata = maps.Clone(last.Metadata)
	if last.Metadata == nil {
		last.Metadata = map[string]any{}
	}
	last.Metadata[message.MetaToolCalls] = append(calls, it.call())
	return msgs
}

// callID is what an output names its call by; a call without one goes by its own id.
func (it *Item) callID() string {
	if it.ToolCallID != "" {
		return it.ToolCallID
	}
	return it.ID
}

// call returns a tool call in OpenAI's shape.
func (it *Item) call() map[string]any {
	return map[string]any{
		"id": it.callID(), "type": "function",
		"function": map[string]any{"name": it.ToolName, "arguments": it.Arguments},
	}
}

// message returns the item as a message of its own.
func (it *Item) message() message.Message {
	msg := message.Message{Role: it.Role, Content: it.Content, Timestamp: it.CreatedAt}
	switch it.Kind {
	case ItemMessage:
	case ItemToolCall:
		msg.Role, msg.Content = message.RoleAssistant, ""
		msg.Metadata = map[string]any{message.MetaToolCalls: []any{it.call()}}
	case ItemToolOutput:
		msg.Role, msg.Content = message.RoleTool, it.Output
		msg.Metadata = map[string]any{message.MetaToolCallID: it.callID(), message.MetaToolName: it.ToolName}
	case ItemHandoff:
		msg.Role = message.RoleSystem
		msg.Content = fmt.Sprintf("Handed over from %s to %s", it.FromAgent, it.ToAgent)
		if it.Reason != "" {
			msg.Content += ": " + it.Reason
		}
		msg.Metadata = map[string]any{metaHandoff: map[string]any{"from": it.FromAgent, "to": it.ToAgent, "reason": it.Reason}}
	}
	return msg
}

// Stored returns the item as the message that a conversation keeps for it:
// one for each item, with what is needed to get it back as it was.
func (it *Item) Stored() message.Message {
	msg := it.message()
	if msg.Metadata == nil {
		msg.Metadata = map[string]any{}
	}
	msg.Metadata[metaItemID] = it.ID
	msg.Metadata[metaItem] = string(it.Kind)
	if it.Kind == ItemToolCall || it.Kind == ItemToolOutput {
		msg.Metadata["item"] = map[string]any{
			"tool_call_id": it.ToolCallID, "tool_name": it.ToolName, "arguments": it.Arguments,
		}
	}
	return msg
}

// Of returns the items of a conversation's message: one where a session
// stored it, else its text and each of its tool calls.
func Of(msg *message.Message) []Item {
	it := Item{
		ID: text(msg.Metadata, metaItemID), Kind: ItemKind(text(msg.Metadata, metaItem)),
		Role: msg.Role, Content: msg.Content, CreatedAt: msg.Timestamp,
	}
	if it.ID == "" {
		it.ID = strconv.FormatInt(msg.ID, 10)
	}
	switch it.Kind {
	case ItemMessage:
		return []Item{it}
	case ItemHandoff:
		h, _ := msg.Metadata[metaHandoff].(map[string]any)
		it.Role, it.Content = "", ""
		it.FromAgent, it.ToAgent, it.Reason = text(h, "from"), text(h, "to"), text(h, "reason")
		return []Item{it}
	case ItemToolCall, ItemToolOutput:
		return []Item{toolItem(it, msg)}
	}
	return foreignItems(it, msg)
}

func toolItem(it Item, msg *message.Message) Item {
	fields, _ := msg.Metadata["item"].(map[string]any)
	it.Role, it.Content = "", ""
	it.ToolCallID, it.ToolName, it.Arguments = text(fields, "tool_call_id"), text(fields, "tool_name"), text(fields, "arguments")
	if it.Kind == ItemToolOutput {
		it.Output = msg.Content
	}
	return it
}

// foreignItems takes apart a message that no session stored.
func foreignItems(it Item, msg *message.Message) []Item {
	if msg.Role == message.RoleTool {
		it.Kind, it.Role, it.Content = ItemToolOutput, "", ""
		it.ToolCallID, it.ToolName = msg.ToolCallID(), text(msg.Metadata, message.MetaToolName)
		it.Output = msg.Content
		return []Item{it}
	}
	var list []Item
	it.Kind = ItemMessage
	calls := msg.ToolCalls()
	if msg.Content != "" || len(calls) == 0 {
		list = append(list, it)
	}
	for n, c := range calls {
		call := Item{
			Kind: ItemToolCall, CreatedAt: msg.Timestamp,
			ToolCallID: c.ID, ToolName: c.Function.Name, Arguments: c.Function.Arguments,
		}
		if it.ID != "" {
			call.ID = fmt.Sprintf("%s.%d", it.ID, n+1)
		}
		list = append(list, call)
	}
	return list
}

func text(fields map[string]any, key string) string {
	s, _ := fields[key].(string)
	return s
}
