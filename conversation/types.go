package conversation

import (
	"time"
)

// Role says who speaks in a message.
type Role string

// The roles.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleSystem    Role = "system"
	RoleTool      Role = "tool"
)

// Valid reports whether r is one of the four roles.
func (r Role) Valid() bool {
	switch r {
	case RoleUser, RoleAssistant, RoleSystem, RoleTool:
		return true
	}
	return false
}

// Conversation is one conversation without its messages. Times are UTC.
type Conversation struct {
	ID                                          int64
	UserKey, Platform, ChatID, Tenant, ThreadID string
	CreatedAt, LastActivity                     time.Time
	Summary                                     string
	TotalTokens, MessageCount                   int64
	Model, Persona                              string // as set by SetModel and SetPersona; "" = the default
}

// Key returns what names the conversation.
func (c *Conversation) Key() Key {
	return Key{UserKey: c.UserKey, Platform: c.Platform, ChatID: c.ChatID, Tenant: c.Tenant, ThreadID: c.ThreadID}
}

// Message is one message. Its ID counts up within its conversation and is its order.
type Message struct {
	ID, ConversationID int64
	Role               Role
	Author             string // user key of who wrote it; "" = the conversation's
	Content            string
	Timestamp          time.Time // UTC, in microseconds; zero when saving = now
	Tokens             int64     // of this message: its own text for user, the completion for assistant
	Metadata           map[string]any
}

// IsCommand reports whether m is a chat command or the answer to one: it names
// the command in its metadata.
func (m *Message) IsCommand() bool {
	return text(m.Metadata, MetaCommand) != ""
}

// Interrupted reports whether m is what was shown of a reply that was stopped.
func (m *Message) Interrupted() bool {
	stopped, _ := m.Metadata[MetaInterrupted].(bool)
	return stopped
}

// SenderName returns the name of who wrote m, "" when it is not known.
func (m *Message) SenderName() string { return text(m.Metadata, MetaSenderName) }

// Keys of a message's metadata.
const (
	MetaCommand     = "command"     // the chat command that it is, or is the answer to
	MetaEventID     = "event_id"    // the platform's id of the event that it came in
	MetaSenderName  = "sender_name" // for display
	MetaInterrupted = "interrupted" // true: what was shown of a reply that was stopped
	// Of tool use, in OpenAI's shape.
	MetaToolCalls  = "tool_calls"
	MetaToolCallID = "tool_call_id"
	MetaToolName   = "tool_name"
)
