package generic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// message is what a program writes.
type message struct {
	unknown    []string // fields that mean nothing here
	id         string
	senderID   string
	senderName string
	text       string
	chatType   platforms.ChatType
	chatID     string
	threadID   string
	locale     string
	metadata   map[string]any
}

var errNotObject = failure.New(failure.Invalid, "invalid_body", "the body must be one JSON object with nothing after it", nil)

// readMessage reads a body and fills in the defaults. Its errors are of kind
// failure.Invalid and name the field.
func readMessage(body []byte) (*message, error) {
	if !utf8.Valid(body) {
		return nil, failure.New(failure.Invalid, "invalid_body", "the body is not UTF-8", nil)
	}
	// Not a struct: its fields would match in any case ("TEXT").
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, errNotObject
	}
	m := &message{}
	chatType := ""
	unknown := maps.Clone(fields)
	for _, f := range []struct {
		name string
		into *string
	}{
		{"id", &m.id},
		{"sender_id", &m.senderID},
		{"sender_name", &m.senderName},
		{"text", &m.text},
		{"chat_type", &chatType},
		{"chat_id", &m.chatID},
		{"thread_id", &m.threadID},
		{"locale", &m.locale},
	} {
		delete(unknown, f.name)
		if err := readField(fields[f.name], f.into); err != nil {
			return nil, invalidField(f.name, "must be a string")
		}
	}
	var err error
	if m.metadata, err = readMetadata(fields["metadata"]); err != nil {
		return nil, invalidField("metadata", "must be an object")
	}
	delete(unknown, "metadata")
	m.unknown = slices.Sorted(maps.Keys(unknown))
	m.chatType = platforms.ChatType(chatType)
	return m, m.complete()
}

// maxWarnings is how many fields that mean nothing are named.
const maxWarnings = 10

// warnings name the fields that mean nothing. "thread" in place of "thread_id"
// changes whose history is used, which a program should not find out from that.
func (m *message) warnings() []string {
	var list []string
	for _, name := range m.unknown {
		if len(list) == maxWarnings {
			return append(list, fmt.Sprintf("%d more fields are ignored", len(m.unknown)-maxWarnings))
		}
		text := fmt.Sprintf("%.50q is ignored", name)
		if field := meant[name]; field != "" {
			text += fmt.Sprintf("; did you mean %q?", field)
		}
		list = append(list, text)
	}
	return list
}

// meant says which field is probably meant by a name that is none.
//
//nolint:gochecknoglobals // a table that nothing changes
var meant = map[string]string{
	"thread": "thread_id", "chat": "chat_id", "room": "chat_id", "channel": "chat_id", "user": "sender_id", "user_id": "sender_id",
	"sender": "sender_id", "from": "sender_id", "name": "sender_name", "message": "text", "content": "text", "event_id": "id",
	"lang": "locale", "language": "locale", "type": "chat_type",
}

// complete checks what is required and sets the defaults.
func (m *message) complete() error {
	if m.senderID == "" {
		return invalidField("sender_id", "is required and must not be empty")
	}
	if len(m.senderID) > platforms.MaxIDLen || strings.ContainsRune(m.senderID, 0) { // said of it, not of the chat named after it
		return invalidField("sender_id", fmt.Sprintf("must be at most %d bytes without NUL", platforms.MaxIDLen))
	}
	if strings.Trim(m.text, "\x00") == "" { // NUL is removed where it is stored
		return invalidField("text", "is required and must not be empty")
	}
	if m.chatType == "" {
		m.chatType = platforms.Private
	}
	if m.chatType != platforms.Private && m.chatType != platforms.Group {
		return invalidField("chat_type", `must be "private" or "group"`)
	}
	if m.chatID == "" {
		m.chatID = m.senderID
	}
	return m.readLocale()
}

// readLocale lets the locale be absent, but not be something else.
func (m *message) readLocale() error {
	if m.locale == "" {
		return nil
	}
	tag, ok := platforms.ParseLocale(m.locale)
	if !ok {
		return invalidField("locale", fmt.Sprintf(`must be a language tag such as "de" or "zh-CN" (BCP 47), at most %d bytes`, platforms.MaxLocaleLen))
	}
	m.locale = tag
	return nil
}

// readField reads a value that is there; null counts as absent.
func readField(raw json.RawMessage, into any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// readMetadata keeps numbers as they are written, so that long ids survive,
// but takes only those that another program can read as a number again.
func readMetadata(raw json.RawMessage) (map[string]any, error) {
	var m map[string]any
	if err := readField(raw, &m); err != nil || m == nil {
		return nil, err
	}
	m = nil
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&m)
	return m, err
}

func invalidField(name, why string) error {
	return failure.New(failure.Invalid, "invalid_event", fmt.Sprintf("%q %s", name, why), nil)
}
