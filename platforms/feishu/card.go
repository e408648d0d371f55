package feishu

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// cardBody is the event of card.action.trigger.
// https://open.feishu.cn/document/feishu-cards/card-callback-communication
type cardBody struct {
	Operator userID     `json:"operator"`
	Action   cardAction `json:"action"`
	Context  struct {
		MessageID string `json:"open_message_id"`
		ChatID    string `json:"open_chat_id"`
	} `json:"context"`
}

// cardAction is what a person did to a card.
type cardAction struct {
	Tag        string          `json:"tag"`
	Name       string          `json:"name"`
	Option     string          `json:"option"`
	Options    []string        `json:"options"`
	InputValue string          `json:"input_value"`
	Value      json.RawMessage `json:"value"` // whatever the card's author put there
	FormValue  json.RawMessage `json:"form_value"`
}

// legacyCard is the whole body of the old card callback.
// https://open.feishu.cn/document/ukTMukTMukTM/uYzMxEjL2MTMx4iNzETM
type legacyCard struct {
	OpenID        string      `json:"open_id"`
	UserID        string      `json:"user_id"`
	OpenMessageID string      `json:"open_message_id"`
	OpenChatID    string      `json:"open_chat_id"`
	TenantKey     string      `json:"tenant_key"`
	Action        *cardAction `json:"action"`
}

func cardEvent(ev platforms.Event, raw json.RawMessage) (platforms.Event, error) {
	var body cardBody
	if err := json.Unmarshal(raw, &body); err != nil {
		return ev, failure.New(failure.Invalid, errNotJSON.Code, errNotJSON.Safe, err)
	}
	return actionEvent(ev, body), nil
}

// legacyCardEvent has no event id to go by. The signature is the same in every
// repeat of one request and differs between two presses.
func (a *Adapter) legacyCardEvent(env *envelope, r platforms.Request) platforms.Event {
	body := cardBody{Operator: userID{OpenID: env.OpenID, UserID: env.UserID}, Action: *env.Action}
	body.Context.MessageID, body.Context.ChatID = env.OpenMessageID, env.OpenChatID
	return actionEvent(platforms.Event{
		Platform: platformName, Tenant: env.TenantKey, App: a.opts.AppID,
		ID: "card-" + r.Header.Get(larkevent.EventSignature), SentAt: r.Now.UTC(),
	}, body)
}

// actionEvent fills in a press. A card says neither what kind of chat it stands
// in (only its author can, with "chat_type" in the value; else it counts as a
// group) nor does it need a mention: whose card it is, is clear.
func actionEvent(ev platforms.Event, body cardBody) platforms.Event {
	value := readValue(body.Action.Value)
	ev.Kind, ev.Text = platforms.KindAction, value.Text
	if value.Command != "" {
		ev.Kind, ev.Text = platforms.KindCommand, strings.TrimPrefix(value.Command, "/")
	}
	if ev.Text == "" {
		ev.Text = body.Action.choice()
	}
	ev.ChatType = chatType(value.ChatType)
	ev.Mentioned = true
	ev.ChatID = cmp.Or(body.Context.ChatID, noChat)
	ev.SenderID = body.Operator.best()
	ev.ReplyTo = platforms.Address{
		Tenant: ev.Tenant, ChatID: ev.ChatID, MessageID: body.Context.MessageID, UserID: ev.SenderID,
	}
	switch {
	case ev.ChatID == noChat:
		ev.Ignore = "card outside a chat"
	case ev.SenderID == "":
		ev.Ignore = "no sender"
	case ev.Text == "":
		ev.Ignore = "card action without a value"
	}
	return ev
}

// cardValue is what Parley understands in a card's value.
type cardValue struct {
	Text     string `json:"text"`
	Command  string `json:"command"` // "save city Paris"
	ChatType string `json:"chat_type"`
}

func readValue(raw json.RawMessage) cardValue {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return cardValue{Text: text}
	}
	var value cardValue
	if json.Unmarshal(raw, &value) != nil {
		return cardValue{}
	}
	return value
}

// choice says in words what was chosen when the value does not.
func (c cardAction) choice() string {
	return cmp.Or(c.Option, strings.Join(c.Options, ", "), c.InputValue, compact(c.FormValue), compact(c.Value), c.Name)
}

// compact returns JSON without spaces, "" for nothing.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return ""
	}
	switch s := b.String(); s {
	case "null", "{}", `""`:
		return ""
	default:
		return s
	}
}
