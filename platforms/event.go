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

// Verb is what a button under a reply asks for.
type Verb string

// The verbs.
const (
	VerbStop       Verb = "stop"
	VerbRegenerate Verb = "regenerate"
	VerbUp         Verb = "up"   // feedback: good
	VerbDown       Verb = "down" // feedback: bad
	VerbApprove    Verb = "approve"
	VerbDeny       Verb = "deny"
)

// Page is what a platform shows when somebody opens the chat with the bot.
type Page string

// The pages.
const (
	PageHelp    Page = "help"    // what the bot can do
	PagePrompts Page = "prompts" // at most four questions to begin with, a line each
)

// Waits reports whether what a button asks for has its place among the messages
// of its chat.
func (v Verb) Waits() bool { return v == VerbRegenerate || v == VerbApprove || v == VerbDeny }

// Press is a button that was pressed.
type Press struct {
	Verb Verb `json:"verb"`
	// MessageID is the platform's id of the message that the button is under, as
	// Send returned it or the handle of Open begins with; "" = whatever is being answered in the chat or thread.
	MessageID string `json:"message_id,omitempty"`
}

// Event is one inbound message in the same form for every platform. As JSON it is
// what the ledger keeps beside the columns of its own.
type Event struct {
	Platform string `json:"-"`             // "slack", "slack.NAME" of a further app, or the name of a generic source
	Tenant   string `json:"-"`             // the Slack workspace that the bot acts in, the Feishu tenant; "" where there is none
	App      string `json:"app,omitempty"` // the platform's id of the app that received it; "" where there is none

	ID         string `json:"-"` // the platform's event id: the same on every repeated delivery
	MessageKey string `json:"-"` // what else identifies the message to its app: "chat:message id", or an id alone; "" = nothing else
	// FormerTenant is what earlier versions took for the tenant of the message;
	// "" = Tenant. A repeat of what they have stored is known by it.
	FormerTenant string `json:"-"`

	Kind     Kind     `json:"kind"`
	ChatType ChatType `json:"chat_type"`
	ChatID   string   `json:"chat_id"`
	ThreadID string   `json:"thread_id,omitempty"` // "" outside a thread
	ThreadBy string   `json:"thread_by,omitempty"` // the person who has opened the thread; "" = the sender, or it is not known

	SenderID string `json:"sender_id"`
	// Guest is the organization that the sender belongs to, where that is another
	// one than the bot's, as in a channel that several share.
	Guest      string    `json:"guest,omitempty"`
	SenderName string    `json:"sender_name,omitempty"` // for display; may be empty
	Text       string    `json:"text"`                  // as the person meant it: the bot's mention stripped, entities decoded
	Mentioned  bool      `json:"mentioned,omitempty"`   // in a group: the bot was addressed
	Mentions   []Mention `json:"mentions,omitempty"`    // who else is named in Text
	SentAt     time.Time `json:"sent_at"`
	Locale     string    `json:"locale,omitempty"` // BCP 47, when the platform says it

	// Unreadable says that the message holds no words, but such as a picture or a
	// sticker, which Text names. Who sent it is told so, unless one of Files can be read.
	Unreadable bool `json:"unreadable,omitempty"`
	// Files are those that came with the message, see [Fetcher].
	Files []File `json:"files,omitempty"`
	// Quotes is the platform's id of a message that this one answers or forwards
	// and whose words it does not hold, for [Quoter]; "" = none.
	Quotes string `json:"quotes,omitempty"`
	// Facts are what the platform itself tells of where the sender is, such as the
	// channel that they look at: one line without anybody's words, for the model
	// alone; "" = nothing.
	Facts string `json:"facts,omitempty"`
	// Page is what is to be shown although nobody has said anything; "" = nothing.
	Page Page `json:"page,omitempty"`
	// Retracts is the MessageKey of a message that its author has taken back; ""
	// = none. The event itself is never answered: its Ignore says so.
	Retracts string `json:"retracts,omitempty"`
	// Press is what a button under one of our replies asks for; nil = no such button.
	Press *Press `json:"press,omitempty"`

	ReplyTo  Address        `json:"reply_to"`
	Ignore   string         `json:"-"`                  // why this must not be answered; "" = answer it
	Metadata map[string]any `json:"metadata,omitempty"` // kept with the message
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
