package message

import (
	"encoding/json"
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

	Anchor     int64 // id of the message with which its prompts begin; 0 = the first there is
	SummaryEnd int64 // id of the last message that the summary stands for; 0 = it is not known
	// SummaryForeign means that the summary may hold words of others than the person.
	SummaryForeign bool
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
	Context            []Passage // what models are told with it; no part of histories, exports and tokens
	// Opaque is what the provider of a model wants back with this answer of it, in a
	// form of its own: thoughts, signatures. It is no part of what people read.
	Opaque json.RawMessage
}

// Passage is what a model is told with a message, beside its content: what the
// message answers, or what a tool has found.
type Passage struct {
	Author string `json:"author,omitempty"` // user key of whose words it holds; "" = anybody's
	Text   string `json:"text"`
	Fact   bool   `json:"fact,omitempty"` // told by the platform: it holds nobody's words
}

// TimeAfter gives a message without a timestamp that of the one before, and
// returns the one that it has.
func (m *Message) TimeAfter(before time.Time) time.Time {
	if m.Timestamp.IsZero() {
		m.Timestamp = before
	}
	return m.Timestamp
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

// Replaced reports whether m is a reply that another one has taken the place of.
func (m *Message) Replaced() bool {
	replaced, _ := m.Metadata[MetaReplaced].(bool)
	return replaced
}

// Foreign reports whether m was answered from what others than the asker have said.
func (m *Message) Foreign() bool {
	foreign, _ := m.Metadata[MetaForeign].(bool)
	return foreign
}

// SenderName returns the name of who wrote m, "" when it is not known.
func (m *Message) SenderName() string { return text(m.Metadata, MetaSenderName) }

// Keys of a message's metadata.
const (
	MetaCommand     = "command"     // the chat command that it is, or is the answer to
	MetaEventID     = "event_id"    // the platform's id of the event that it came in
	MetaSenderName  = "sender_name" // for display
	MetaInterrupted = "interrupted" // true: what was shown of a reply that was stopped
	MetaReplaced    = "replaced"    // true: another reply has taken its place
	MetaForeign     = "foreign"     // true: what it was answered from held words of others than the asker
	MetaFiles       = "files"       // what came with it, see Files
	MetaFeedback    = "feedback"    // what people think of it: "up" or "down" by user key
	// Of tool use, in OpenAI's shape.
	MetaToolCalls  = "tool_calls"
	MetaToolCallID = "tool_call_id"
	MetaToolName   = "tool_name"
)

func text(fields map[string]any, key string) string {
	s, _ := fields[key].(string)
	return s
}
