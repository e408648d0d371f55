package feishu

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/parley-bot/parley/internal/lenient"

	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"

	"github.com/parley-bot/parley/platforms"
)

// cardBody is the event of card.action.trigger.
// https://open.feishu.cn/document/feishu-cards/card-callback-communication
type cardBody struct {
	Operator userID     `json:"operator"`
	Action   cardAction `json:"action"`
	Context  struct {
		MessageID word `json:"open_message_id"`
		ChatID    word `json:"open_chat_id"`
	} `json:"context"`
}

// cardAction is what a person did to a card.
type cardAction struct {
	Name       word            `json:"name"`
	Option     word            `json:"option"`
	Options    []word          `json:"options"`
	InputValue word            `json:"input_value"`
	Value      json.RawMessage `json:"value"` // whatever the card's author put there
	FormValue  json.RawMessage `json:"form_value"`
}

// legacyCard is the whole body of the old card callback.
// https://open.feishu.cn/document/ukTMukTMukTM/uYzMxEjL2MTMx4iNzETM
type legacyCard struct {
	OpenID        word        `json:"open_id"`
	UserID        word        `json:"user_id"`
	OpenMessageID word        `json:"open_message_id"`
	OpenChatID    word        `json:"open_chat_id"`
	TenantKey     word        `json:"tenant_key"`
	Action        *cardAction `json:"action"`
}

func cardEvent(ev platforms.Event, raw json.RawMessage) platforms.Event {
	var body cardBody
	_ = lenient.Decode(raw, &body)
	return actionEvent(ev, body)
}

// legacyCardEvent has no event id to go by. The signature is the same in every
// repeat of one request and differs between two presses.
func (a *Adapter) legacyCardEvent(env *envelope, r platforms.Request) platforms.Event {
	body := cardBody{Operator: userID{OpenID: env.OpenID, UserID: env.UserID}, Action: *env.Action}
	body.Context.MessageID, body.Context.ChatID = env.OpenMessageID, env.OpenChatID
	return actionEvent(platforms.Event{
		Platform: a.opts.Name, Tenant: env.TenantKey.String(), App: a.opts.AppID,
		ID: "card-" + r.Header.Get(larkevent.EventSignature), SentAt: r.Now.UTC(),
	}, body)
}

// actionEvent fills in a press. A card says neither what kind of chat it stands
// in (only its author can, with "chat_type" in the value; else it counts as a
// group) nor does it need a mention: whose card it is, is clear.
func actionEvent(ev platforms.Event, body cardBody) platforms.Event {
	value := readValue(body.Action.Value)
	ev.Kind, ev.Text = platforms.KindAction, string(value.Text)
	if value.Command != "" {
		ev.Kind, ev.Text = platforms.KindCommand, strings.TrimPrefix(value.Command.String(), "/")
	}
	messageID := body.Context.MessageID.String()
	if verb := platforms.Verb(value.Parley); verb != "" {
		ev.Press = &platforms.Press{Verb: verb, MessageID: messageID}
	}
	if ev.Text == "" && ev.Press == nil {
		ev.Text = body.Action.choice()
	}
	ev.ChatType = chatType(value.ChatType.String())
	ev.Mentioned = true
	ev.ChatID = cmp.Or(body.Context.ChatID.String(), noChat)
	ev.SenderID = body.Operator.best()
	ev.Guest = guest(ev.Tenant, body.Operator.Home)
	ev.ThreadID = value.Thread.String()
	ev.ReplyTo = platforms.Address{
		Tenant: ev.Tenant, ChatID: ev.ChatID, ThreadID: ev.ThreadID, MessageID: messageID, UserID: ev.SenderID,
	}
	switch {
	case ev.ChatID == noChat:
		ev.Ignore = "card outside a chat"
	case ev.SenderID == "":
		ev.Ignore = "no sender"
	case ev.Text == "" && ev.Press == nil:
		ev.Ignore = "card action without a value"
	}
	return ev
}

// cardValue is what Parley understands in a card's value.
type cardValue struct {
	Text     phrase `json:"text"`
	Command  word   `json:"command"` // "save city Paris"
	Parley   word   `json:"parley"`  // of a button under a reply: what it asks for
	ChatType word   `json:"chat_type"`
	Thread   word   `json:"thread"`
}

func readValue(raw json.RawMessage) cardValue {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		var inner cardValue // some clients send an object inside a text
		if lenient.Decode([]byte(text), &inner) == nil && inner != (cardValue{}) {
			return inner
		}
		return cardValue{Text: phrase(text)}
	}
	var value cardValue
	_ = lenient.Decode(raw, &value)
	return value
}

// choice says in words what was chosen when the value does not.
func (c cardAction) choice() string {
	options := make([]string, 0, len(c.Options))
	for _, o := range c.Options {
		options = append(options, o.String())
	}
	return cmp.Or(c.Option.String(), strings.Join(options, ", "), c.InputValue.String(), compact(c.FormValue), compact(c.Value), c.Name.String())
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
