package platforms

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// Limits of what is kept; longer values are refused, never cut.
const (
	MaxPlatformLen = 50  // bytes of a platform name
	MaxIDLen       = 255 // bytes of every other identifier
)

// ChatType says how many people read along.
type ChatType string

// The chat types, the same on every platform.
const (
	Private ChatType = "private"
	Group   ChatType = "group"
)

// Kind says what a person did.
type Kind string

// The kinds of events.
const (
	KindMessage Kind = "message" // wrote a message
	KindCommand Kind = "command" // used a native command; Text holds it without the prefix ("save city Paris")
	KindAction  Kind = "action"  // pressed a button or chose from a menu; Text says which
)

// Event is one inbound message in the same form for every platform.
type Event struct {
	Platform string // "slack", "feishu", or the name of a generic source
	Tenant   string // the Slack workspace that the bot acts in, the Feishu tenant; "" where there is none
	App      string // the platform's id of the app that received it; "" where there is none

	ID         string // the platform's event id: the same on every repeated delivery
	MessageKey string // what else identifies the message to its app (chat + message id); "" = nothing else
	// FormerTenant is what earlier versions took for the tenant of the message;
	// "" = Tenant. A repeat of what they have stored is known by it.
	FormerTenant string

	Kind     Kind
	ChatType ChatType
	ChatID   string
	ThreadID string // "" outside a thread

	SenderID   string
	SenderName string    // for display; may be empty
	Text       string    // as the person meant it: the bot's mention stripped, entities decoded
	Mentioned  bool      // in a group: the bot was addressed
	Mentions   []Mention // who else is named in Text
	SentAt     time.Time
	Locale     string // BCP 47, when the platform says it

	ReplyTo  Address
	Ignore   string         // why this must not be answered; "" = answer it
	Metadata map[string]any // kept with the message
}

// UserKey returns the sender's [UserKey].
func (e *Event) UserKey() string {
	return UserKey(e.Platform, e.ChatType, e.SenderID)
}

// UserKey returns platform:chat_type:sender_id with ':' and '%' inside a part,
// and '*' in the sender's, percent-encoded: nobody is [RoomKey].
func UserKey(platform string, chatType ChatType, senderID string) string {
	return keyOf(platform, chatType, strings.ReplaceAll(encodePart(senderID), "*", "%2A"))
}

// RoomKey returns the user key under which everybody in a group is one:
// platform:group:*.
func RoomKey(platform string) string { return keyOf(platform, Group, "*") }

// FormerUserKeys returns the other keys that earlier versions may have kept
// something under for this sender alone: they left '*' as it is.
func FormerUserKeys(platform, senderID string) []string {
	if !strings.Contains(senderID, "*") {
		return nil
	}
	keys := []string{keyOf(platform, Private, encodePart(senderID))}
	if group := keyOf(platform, Group, encodePart(senderID)); group != RoomKey(platform) {
		keys = append(keys, group)
	}
	return keys
}

func keyOf(platform string, chatType ChatType, sender string) string {
	return encodePart(platform) + ":" + encodePart(string(chatType)) + ":" + sender
}

func encodePart(s string) string {
	if !strings.ContainsAny(s, ":%") {
		return s
	}
	return strings.NewReplacer("%", "%25", ":", "%3A").Replace(s)
}

// Validate reports the first field that cannot be stored as it is.
func (e *Event) Validate() error {
	if e.Platform == "" || len(e.Platform) > MaxPlatformLen {
		return invalid("platform", MaxPlatformLen)
	}
	for _, f := range []struct {
		name, value string
		required    bool
	}{
		{"event id", e.ID, true},
		{"chat_id", e.ChatID, true},
		{"sender_id", e.SenderID, e.Ignore == ""},
		{"thread_id", e.ThreadID, false},
		{"tenant", e.Tenant, false},
		{"app", e.App, false},
		{"sender_name", e.SenderName, false},
		{"message id", e.ReplyTo.MessageID, false},
	} {
		if len(f.value) > MaxIDLen || (f.required && f.value == "") || strings.ContainsRune(f.value, 0) {
			return invalid(f.name, MaxIDLen)
		}
	}
	if e.ChatType != Private && e.ChatType != Group {
		return failure.New(failure.Invalid, "invalid_event", `chat_type must be "private" or "group"`, nil)
	}
	return nil
}

func invalid(field string, limit int) error {
	return failure.New(failure.Invalid, "invalid_event",
		fmt.Sprintf("%s must be 1 to %d bytes without NUL", field, limit), nil)
}

// Address says where a reply goes. It is stored as JSON with the event, so it
// holds everything an adapter needs to answer after a restart.
type Address struct {
	Tenant    string `json:"tenant,omitempty"`
	ChatID    string `json:"chat_id"`
	ThreadID  string `json:"thread_id,omitempty"`  // the thread to answer in
	MessageID string `json:"message_id,omitempty"` // the message to answer
	UserID    string `json:"user_id,omitempty"`    // who asked
	UserKey   string `json:"user_key,omitempty"`

	// Private means that only who asked may see the answer. It does not depend
	// on there being a way to do so: without one there is no answer.
	Private bool `json:"private,omitempty"`
	// Extra is what else the adapter needs to answer, and nobody else reads.
	Extra map[string]string `json:"-"`
}

// MarshalJSON writes Extra beside the other fields, where earlier versions look for it.
func (a Address) MarshalJSON() ([]byte, error) {
	type plain Address
	text, err := json.Marshal(plain(a))
	if err != nil || len(a.Extra) == 0 {
		return text, err
	}
	extra, err := json.Marshal(a.Extra)
	return append(append(text[:len(text)-1], ','), extra[1:]...), err
}

// UnmarshalJSON takes what is no other field for Extra. In what an earlier
// version has stored, Slack's answer URL alone says that the answer is private.
func (a *Address) UnmarshalJSON(text []byte) error {
	type plain Address
	var all map[string]any
	if err := errors.Join(json.Unmarshal(text, (*plain)(a)), json.Unmarshal(text, &all)); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	for _, known := range [...]string{"tenant", "chat_id", "thread_id", "message_id", "user_id", "user_key", "private"} {
		delete(all, known)
	}
	a.Extra = nil
	for name, value := range all {
		if value, ok := value.(string); ok {
			if a.Extra == nil {
				a.Extra = map[string]string{}
			}
			a.Extra[name] = value
		}
	}
	a.Private = a.Private || a.Extra["response_url"] != ""
	return nil
}
