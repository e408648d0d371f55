package feishu

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// messageBody is the event of im.message.receive_v1.
// https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
type messageBody struct {
	Sender struct {
		ID   userID `json:"sender_id"`
		Type string `json:"sender_type"` // "user", else a bot
	} `json:"sender"`
	Message struct {
		ID         string    `json:"message_id"`
		ChatID     string    `json:"chat_id"`
		ThreadID   string    `json:"thread_id"` // set in topics only
		ChatType   string    `json:"chat_type"` // "p2p" or "group"
		Type       string    `json:"message_type"`
		Content    string    `json:"content"` // JSON
		CreateTime string    `json:"create_time"`
		Mentions   []mention `json:"mentions"`
		UserAgent  string    `json:"user_agent"` // only with the scope im:user_agent:read
	} `json:"message"`
}

// userID names a person: open_id within our app, union_id within our
// developer, user_id within the tenant (only with an extra scope).
type userID struct {
	OpenID  string `json:"open_id"`
	UserID  string `json:"user_id"`
	UnionID string `json:"union_id"`
}

func (u userID) best() string { return cmp.Or(u.OpenID, u.UserID, u.UnionID) }

func (a *Adapter) messageEvent(ev platforms.Event, raw json.RawMessage) (platforms.Event, error) {
	var body messageBody
	if err := json.Unmarshal(raw, &body); err != nil {
		return ev, failure.New(failure.Invalid, errNotJSON.Code, errNotJSON.Safe, err)
	}
	msg := body.Message
	ev.MessageKey = msg.ID
	ev.ChatType = chatType(msg.ChatType)
	ev.ChatID, ev.ThreadID = msg.ChatID, msg.ThreadID
	ev.SenderID = body.Sender.ID.best()
	ev.SentAt = millis(msg.CreateTime, ev.SentAt)
	ev.Locale = clientLocale(msg.UserAgent)
	ev.ReplyTo = platforms.Address{
		Tenant: ev.Tenant, ChatID: msg.ChatID, ThreadID: msg.ThreadID, MessageID: msg.ID,
		UserID: ev.SenderID,
	}
	text, reason := textOf(msg.Type, msg.Content)
	ev.Text, ev.Mentioned = a.resolve(text, msg.Mentions)
	ev.Mentions = others(msg.Mentions, a.isBot)
	ev.Ignore = cmp.Or(a.notAPerson(body), reason, noText(ev))
	return ev, nil
}

// clientLocale returns the locale of the client that a message was written in,
// which stands in its user agent as "… LarkLocale/zh_CN …"; "" when it does not.
func clientLocale(userAgent string) string {
	for word := range strings.FieldsSeq(userAgent) {
		if raw, ok := strings.CutPrefix(word, "LarkLocale/"); ok {
			tag, _ := platforms.ParseLocale(raw)
			return tag
		}
	}
	return ""
}

// notAPerson gives the reason why a sender is not answered; two bots that
// answer each other would never stop.
func (a *Adapter) notAPerson(body messageBody) string {
	switch id := body.Sender.ID; {
	case id.OpenID != "" && id.OpenID == a.bot.get():
		return "own message"
	case body.Sender.Type != "user":
		return "sent by a bot"
	case id.best() == "":
		return "no sender"
	default:
		return ""
	}
}

func noText(ev platforms.Event) string {
	if strings.TrimSpace(ev.Text) == "" && !ev.Mentioned {
		return "no text"
	}
	return ""
}

// chatType knows both schemas: "p2p" and "private" are one person with the bot.
func chatType(s string) platforms.ChatType {
	if s == "p2p" || s == "private" {
		return platforms.Private
	}
	return platforms.Group
}

// v1Body is the event of a schema 1 "message".
// https://open.feishu.cn/document/ukTMukTMukTM/uMTNxYjLzUTM24yM1EjN
type v1Body struct {
	Type             string `json:"type"`
	AppID            string `json:"app_id"`
	TenantKey        string `json:"tenant_key"`
	OpenChatID       string `json:"open_chat_id"`
	ChatType         string `json:"chat_type"` // "private" or "group"
	MsgType          string `json:"msg_type"`
	OpenID           string `json:"open_id"`
	EmployeeID       string `json:"employee_id"`
	UnionID          string `json:"union_id"`
	OpenMessageID    string `json:"open_message_id"`
	IsMention        bool   `json:"is_mention"`
	Title            string `json:"title"` // of a rich text
	Text             string `json:"text"`
	TextWithoutAtBot string `json:"text_without_at_bot"` // absent when nothing is left
}

func (a *Adapter) v1Event(env *envelope, now time.Time) (platforms.Event, error) {
	var body v1Body
	if err := json.Unmarshal(env.Event, &body); err != nil {
		return platforms.Event{}, failure.New(failure.Invalid, errNotJSON.Code, errNotJSON.Safe, err)
	}
	ev := platforms.Event{
		Platform: platformName, Tenant: body.TenantKey, App: body.AppID, ID: env.UUID,
		Kind: platforms.KindMessage, ChatType: chatType(body.ChatType), SentAt: seconds(env.TS, now),
	}
	if body.Type != "message" {
		return ignored(ev, env.Event, unsupported("event", body.Type)), nil
	}
	ev.MessageKey = body.OpenMessageID
	ev.ChatID = body.OpenChatID
	ev.SenderID = cmp.Or(body.OpenID, body.EmployeeID, body.UnionID)
	ev.ReplyTo = platforms.Address{Tenant: ev.Tenant, ChatID: ev.ChatID, MessageID: body.OpenMessageID, UserID: ev.SenderID}
	ev.Mentioned = body.IsMention
	ev.Text = a.v1Text(body)
	ev.Ignore = cmp.Or(v1Unanswerable(body), noText(ev))
	if ev.SenderID == "" {
		ev.Ignore = "no sender"
	}
	return ev, nil
}

func (a *Adapter) v1Text(body v1Body) string {
	if v1Unanswerable(body) != "" {
		return "[" + body.MsgType + "]"
	}
	text := body.Text
	if body.IsMention {
		text = strings.TrimSpace(body.TextWithoutAtBot)
	}
	text = a.atTag.ReplaceAllString(text, "$1")
	if body.Title != "" {
		text = body.Title + "\n" + text
	}
	return text
}

func v1Unanswerable(body v1Body) string {
	if body.MsgType != "text" && body.MsgType != "post" {
		return unsupported("message type", body.MsgType)
	}
	return ""
}

// seconds reads schema 1's time, seconds with a fraction.
func seconds(s string, now time.Time) time.Time {
	whole, _, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return now
	}
	return plausible(time.Unix(n, 0), now)
}
