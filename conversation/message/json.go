package message

import (
	"bytes"
	"encoding/json"
	"time"
)

// The forms of export files. Further keys may come; a reader ignores those it
// does not know.
type (
	conversationJSON struct {
		ID           int64     `json:"id"`
		UserKey      string    `json:"user_key"`
		Platform     string    `json:"platform"`
		ChatID       string    `json:"chat_id"`
		CreatedAt    time.Time `json:"created_at"`
		LastActivity time.Time `json:"last_activity"`
		Summary      *string   `json:"summary"`
		TotalTokens  int64     `json:"total_tokens"`
		MessageCount int64     `json:"message_count"`
		Tenant       string    `json:"tenant"`
		ThreadID     string    `json:"thread_id"`
		Model        string    `json:"model"`
		Persona      string    `json:"persona"`
	}
	messageJSON struct {
		ID        int64          `json:"id"`
		Role      Role           `json:"role"`
		Content   string         `json:"content"`
		Timestamp time.Time      `json:"timestamp"`
		Tokens    int64          `json:"tokens"`
		Metadata  map[string]any `json:"metadata"`
		Author    string         `json:"author,omitempty"`
	}
)

// MarshalJSON writes the conversation as export files have it.
func (c Conversation) MarshalJSON() ([]byte, error) {
	j := conversationJSON{
		ID: c.ID, UserKey: c.UserKey, Platform: c.Platform, ChatID: c.ChatID,
		CreatedAt: c.CreatedAt.UTC(), LastActivity: c.LastActivity.UTC(),
		TotalTokens: c.TotalTokens, MessageCount: c.MessageCount,
		Tenant: c.Tenant, ThreadID: c.ThreadID, Model: c.Model, Persona: c.Persona,
	}
	if c.Summary != "" {
		j.Summary = &c.Summary
	}
	return marshal(j)
}

// MarshalJSON writes the message as export files have it.
func (m Message) MarshalJSON() ([]byte, error) { return marshal(m.exported()) }

func (m *Message) exported() messageJSON {
	j := messageJSON{
		ID: m.ID, Role: m.Role, Content: m.Content, Timestamp: m.Timestamp.UTC(),
		Tokens: m.Tokens, Metadata: m.Metadata, Author: m.Author,
	}
	if j.Metadata == nil {
		j.Metadata = map[string]any{}
	}
	return j
}

// UnmarshalJSON reads a conversation as export files have it.
func (c *Conversation) UnmarshalJSON(data []byte) error {
	var in struct {
		ID           int64   `json:"id"`
		UserKey      *string `json:"user_key"`
		Platform     string  `json:"platform"`
		ChatID       string  `json:"chat_id"`
		CreatedAt    *string `json:"created_at"`
		LastActivity *string `json:"last_activity"`
		Summary      string  `json:"summary"`
		TotalTokens  int64   `json:"total_tokens"`
		MessageCount int64   `json:"message_count"`
		Tenant       string  `json:"tenant"`
		ThreadID     string  `json:"thread_id"`
		Model        string  `json:"model"`
		Persona      string  `json:"persona"`
		OldPersona   string  `json:"active_persona_id"` // feishu_webhook_bot's name
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.UserKey == nil {
		return Invalidf("user_key is missing")
	}
	created, err := ParseTime("created_at", in.CreatedAt)
	if err != nil {
		return err
	}
	active, err := ParseTime("last_activity", in.LastActivity)
	if err != nil {
		return err
	}
	if in.Persona == "" {
		in.Persona = in.OldPersona
	}
	*c = Conversation{
		ID: in.ID, UserKey: *in.UserKey, Platform: in.Platform, ChatID: in.ChatID, Tenant: in.Tenant, ThreadID: in.ThreadID,
		CreatedAt: created, LastActivity: active, Summary: in.Summary, TotalTokens: in.TotalTokens,
		MessageCount: in.MessageCount, Model: in.Model, Persona: in.Persona,
	}
	return nil
}

// Whole is a message in the form of backups: beside what exports have, all that
// the next prompt is made from. It is nobody's to read, so exports have none of it.
type Whole struct {
	Message

	// Anchor: prompts begin with it. Unfolded: the summary does not stand for it, as
	// the first. The message has another id where it is restored.
	Anchor, Unfolded bool
}

// MarshalJSON writes the message as backups have it.
func (w Whole) MarshalJSON() ([]byte, error) {
	return marshal(struct {
		messageJSON

		Beside   []besideJSON `json:"beside,omitempty"`
		Anchor   bool         `json:"anchor,omitempty"`
		Unfolded bool         `json:"unfolded,omitempty"`
	}{w.exported(), w.besideList(), w.Anchor, w.Unfolded})
}

// UnmarshalJSON reads a message as export files have it.
func (m *Message) UnmarshalJSON(data []byte) error {
	var w Whole
	err := w.UnmarshalJSON(data)
	*m = w.Message
	return err
}

// maxMetadata bounds the metadata of a message that is read from a file: as
// values, a byte of it takes up to sixty.
const maxMetadata = 1 << 20

// UnmarshalJSON reads a message as export files or backups have it.
func (w *Whole) UnmarshalJSON(data []byte) error {
	var in struct {
		ID        int64           `json:"id"`
		Role      Role            `json:"role"`
		Content   string          `json:"content"`
		Timestamp *string         `json:"timestamp"`
		Tokens    int64           `json:"tokens"`
		Metadata  json.RawMessage `json:"metadata"`
		Author    string          `json:"author"`
		Beside    []besideJSON    `json:"beside"`
		Anchor    json.RawMessage `json:"anchor"` // of exports it may be anything
		Unfolded  json.RawMessage `json:"unfolded"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if !in.Role.Valid() {
		return Invalidf("role %q is not one of user, assistant, system, tool", in.Role)
	}
	if in.Tokens < 0 {
		return Invalidf("tokens %d is below 0", in.Tokens)
	}
	at, err := ParseTime("timestamp", in.Timestamp)
	if err != nil {
		return err
	}
	if len(in.Metadata) > maxMetadata {
		return Invalidf("metadata is larger than %d MiB", maxMetadata>>20)
	}
	metadata, err := DecodeMetadata(string(in.Metadata))
	if err != nil {
		return Invalidf("metadata is not a JSON object")
	}
	*w = Whole{Message: Message{
		ID: in.ID, Role: in.Role, Content: in.Content, Timestamp: at, Tokens: in.Tokens,
		Metadata: metadata, Author: in.Author,
	}, Anchor: string(in.Anchor) == "true", Unfolded: string(in.Unfolded) == "true"}
	w.takeBeside(in.Beside)
	return nil
}

// ParseTime reads RFC 3339, and what Python's isoformat and str write; without
// a zone it is UTC. No text is the zero time.
func ParseTime(field string, text *string) (time.Time, error) {
	if text == nil || *text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, *text); err == nil {
			return t.UTC().Truncate(time.Microsecond), ValidTime(field, t)
		}
	}
	return time.Time{}, Invalidf("%s %q is not a time", field, *text)
}

// marshal leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}
