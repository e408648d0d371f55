package conversation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ReadArchive reads one export file, or one of a backup, whose checksum it
// verifies. An error is one line that names the place: a line of the file, or a
// field such as messages[3].timestamp.
func ReadArchive(r io.Reader) (*Archive, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	src := source{bytes.NewReader(data), int64(len(data))}
	if err := src.verify(); err != nil {
		return nil, err
	}
	return src.archive()
}

// UnmarshalJSON reads an export file, this program's or one of
// feishu_webhook_bot's: a timestamp without a zone is UTC, a missing one is
// that of the message before.
func (a *Archive) UnmarshalJSON(data []byte) error {
	read, err := source{bytes.NewReader(data), int64(len(data))}.archive()
	if err != nil {
		return err
	}
	*a = *read
	return nil
}

// archive reads the whole file into memory.
func (s source) archive() (*Archive, error) {
	a := &Archive{Messages: []Message{}}
	err := s.scan(visitor{
		head: func(text json.RawMessage) error { return decodeHead(text, &a.Conversation) },
		message: func(i int, text json.RawMessage) error {
			a.Messages = append(a.Messages, Message{})
			return decodeMessage(i, text, &a.Messages[i])
		},
	})
	if err != nil {
		return nil, err
	}
	last := a.Conversation.CreatedAt
	for i := range a.Messages {
		last = a.Messages[i].timeAfter(last)
	}
	return a, nil
}

func decodeHead(text json.RawMessage, c *Conversation) error {
	return explainJSON("conversation", json.Unmarshal(text, c))
}

func decodeMessage(i int, text json.RawMessage, msg *Message) error {
	return explainJSON(fmt.Sprintf("messages[%d]", i), json.Unmarshal(text, msg))
}

// timeAfter gives a message without a timestamp that of the one before, and
// returns the one that it has.
func (m *Message) timeAfter(before time.Time) time.Time {
	if m.Timestamp.IsZero() {
		m.Timestamp = before
	}
	return m.Timestamp
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
		return invalidf("user_key is missing")
	}
	created, err := parseTime("created_at", in.CreatedAt)
	if err != nil {
		return err
	}
	active, err := parseTime("last_activity", in.LastActivity)
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

// maxMetadata bounds the metadata of a message that is read from a file: as
// values, a byte of it takes up to sixty.
const maxMetadata = 1 << 20

// UnmarshalJSON reads a message as export files have it.
func (m *Message) UnmarshalJSON(data []byte) error {
	var in struct {
		ID        int64           `json:"id"`
		Role      Role            `json:"role"`
		Content   string          `json:"content"`
		Timestamp *string         `json:"timestamp"`
		Tokens    int64           `json:"tokens"`
		Metadata  json.RawMessage `json:"metadata"`
		Author    string          `json:"author"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if !in.Role.Valid() {
		return invalidf("role %q is none of user, assistant, system, tool", in.Role)
	}
	if in.Tokens < 0 {
		return invalidf("tokens %d is below 0", in.Tokens)
	}
	at, err := parseTime("timestamp", in.Timestamp)
	if err != nil {
		return err
	}
	if len(in.Metadata) > maxMetadata {
		return invalidf("metadata is larger than %d MiB", maxMetadata>>20)
	}
	metadata, err := decodeMetadata(string(in.Metadata))
	if err != nil {
		return invalidf("metadata is not a JSON object")
	}
	*m = Message{
		ID: in.ID, Role: in.Role, Content: in.Content, Timestamp: at, Tokens: in.Tokens,
		Metadata: metadata, Author: in.Author,
	}
	return nil
}

// parseTime reads RFC 3339, and what Python's isoformat and str write; without
// a zone it is UTC. No text is the zero time.
func parseTime(field string, text *string) (time.Time, error) {
	if text == nil || *text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, *text); err == nil {
			return t.UTC().Truncate(time.Microsecond), validTime(field, t)
		}
	}
	return time.Time{}, invalidf("%s %q is not a time", field, *text)
}

// explainJSON puts the place before an error of encoding/json and makes it ErrInvalid.
func explainJSON(place string, err error) error {
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			field = "it"
		}
		err = invalidf("%s is a JSON %s, not what an export has there", field, wrong.Value)
	}
	if !errors.Is(err, ErrInvalid) {
		err = invalidf("%v", err)
	}
	return fmt.Errorf("%s: %w", place, err)
}
