package feishu

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/parley-bot/parley/platforms"
)

// messageBody is the event of im.message.receive_v1.
// https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
type messageBody struct {
	Sender struct {
		ID   userID `json:"sender_id"`
		Type word   `json:"sender_type"` // "user", else a bot
		Home word   `json:"tenant_key"`  // the sender's tenant
	} `json:"sender"`
	Message struct {
		ID         word      `json:"message_id"`
		RootID     word      `json:"root_id"`   // the message that a chain of answers began with
		ParentID   word      `json:"parent_id"` // what it answers
		ChatID     word      `json:"chat_id"`
		ThreadID   word      `json:"thread_id"` // set in topics only, and not in what opens one
		ChatType   word      `json:"chat_type"` // "p2p", "group" or "topic_group"
		Type       word      `json:"message_type"`
		Content    nested    `json:"content"`
		CreateTime word      `json:"create_time"`
		Mentions   []mention `json:"mentions"`
		UserAgent  word      `json:"user_agent"` // only with the scope im:user_agent:read
	} `json:"message"`
}

// userID names a person: open_id within our app, union_id within our
// developer, user_id within the tenant (only with an extra scope).
type userID struct {
	OpenID  word `json:"open_id"`
	UserID  word `json:"user_id"`
	UnionID word `json:"union_id"`
	Home    word `json:"tenant_key"` // of who has pressed a button
}

// UnmarshalJSON implements [json.Unmarshaler]. It never fails. A text alone is
// an open_id.
func (u *userID) UnmarshalJSON(raw []byte) error {
	type plain userID
	*u = userID{}
	if raw[0] != '{' {
		return u.OpenID.UnmarshalJSON(raw)
	}
	_ = lenient.Decode(raw, (*plain)(u))
	return nil
}

func (u userID) best() string { return cmp.Or(u.OpenID, u.UserID, u.UnionID).String() }

func (a *Adapter) messageEvent(ev platforms.Event, raw json.RawMessage) platforms.Event {
	var body messageBody
	_ = lenient.Decode(raw, &body) // the envelope was JSON; no event at all is an empty one
	msg := body.Message
	ev.MessageKey = msg.ID.String()
	ev.ChatType = chatType(msg.ChatType.String())
	ev.ChatID, ev.ThreadID = msg.ChatID.String(), body.topic(a.topics.has(msg.ChatID.String()))
	ev.SenderID = body.Sender.ID.best()
	ev.Guest = guest(ev.Tenant, body.Sender.Home)
	ev.SentAt = millis(msg.CreateTime.String(), ev.SentAt)
	ev.Locale = clientLocale(msg.UserAgent.String())
	ev.ReplyTo = platforms.Address{
		Tenant: ev.Tenant, ChatID: ev.ChatID, ThreadID: ev.ThreadID, MessageID: ev.MessageKey,
		UserID: ev.SenderID,
	}
	words, ok := contentOf(msg.Content)
	mentions := words.known(msg.Mentions)
	ev.Text, ev.Mentioned = a.resolve(words, mentions)
	ev.Mentions = others(mentions, a.isBot)
	kind := msg.Type.String()
	ev.Files = filesOf(kind, msg.Content)
	switch {
	case kind == forwarded:
		ev.Quotes = ev.MessageKey
	case ev.ThreadID == "" || msg.ParentID != msg.RootID: // whatever stands in a topic answers what has opened it
		ev.Quotes = msg.ParentID.String()
	}
	ev.Ignore = cmp.Or(a.notAPerson(body), unreadable(&ev, kind, ok), noText(ev))
	return ev
}

// guest is the sender's tenant where that is another one than the app's: in a
// group with members of several.
func guest(ours string, home word) string {
	if ours == "" || home.String() == ours {
		return ""
	}
	return home.String()
}

// topic identifies the topic that a message stands in, "" for none. Of the
// message that opens one Feishu does not tell the topic's id, so the topic goes
// by that message. always says that the chat is known to hold nothing but topics.
func (b *messageBody) topic(always bool) string {
	switch msg := b.Message; {
	case msg.ThreadID != "":
		return cmp.Or(msg.RootID, msg.ThreadID).String()
	case msg.ChatType == "topic_group", always && chatType(msg.ChatType.String()) == platforms.Group:
		return cmp.Or(msg.RootID, msg.ID).String()
	default:
		return ""
	}
}

// unreadable gives the reason why there is no text to answer, and marks what a
// person sent to the bot alone, who is told.
func unreadable(ev *platforms.Event, kind string, ok bool) string {
	switch {
	case strings.TrimSpace(ev.Text) != "" && !media(kind):
		return ""
	case kind == "text" || kind == "post" || kind == "":
		if !ok {
			return platforms.NotUnderstood + "message content"
		}
		return ""
	}
	ev.Text = "[" + platforms.ShortName(kind) + "]"
	switch {
	case kind == forwarded && ev.ChatType == platforms.Private:
		return "" // its words are read when it is answered
	case ev.ChatType == platforms.Private:
		ev.Unreadable = true
		return ""
	case media(kind):
		return "nothing to read: " + kind
	default:
		return platforms.Unsupported + "message type " + platforms.ShortName(kind)
	}
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
	own, _ := a.bot.get()
	switch id := body.Sender.ID; {
	case id.OpenID != "" && id.OpenID.String() == own:
		return "own message"
	case body.Sender.Type != "user" && body.Sender.Type != "":
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
	Type             word   `json:"type"`
	AppID            word   `json:"app_id"`
	TenantKey        word   `json:"tenant_key"`
	OpenChatID       word   `json:"open_chat_id"`
	ChatType         word   `json:"chat_type"` // "private" or "group"
	MsgType          word   `json:"msg_type"`
	OpenID           word   `json:"open_id"`
	EmployeeID       word   `json:"employee_id"`
	UnionID          word   `json:"union_id"`
	OpenMessageID    word   `json:"open_message_id"`
	IsMention        bool   `json:"is_mention"`
	Title            phrase `json:"title"` // of a rich text
	Text             phrase `json:"text"`
	TextWithoutAtBot phrase `json:"text_without_at_bot"` // absent when nothing is left
}

func (a *Adapter) v1Event(env *envelope, now time.Time) platforms.Event {
	var body v1Body
	_ = lenient.Decode(env.Event, &body)
	ev := platforms.Event{
		Platform: a.opts.Name, Tenant: body.TenantKey.String(), App: body.AppID.String(), ID: env.UUID.String(),
		Kind: platforms.KindMessage, ChatType: chatType(body.ChatType.String()), SentAt: seconds(env.TS.String(), now),
	}
	if body.Type == "app_ticket" { // only store apps get one
		return ignored(ev, env.Event, platforms.Unsupported+"kind of app: this is a store app, and Parley needs a custom app")
	}
	if kind := body.Type.String(); kind == "app_status_change" || kind == "app_uninstalled" {
		return a.statusEvent(ev, kind, env.Event)
	}
	if body.Type != "message" {
		return ignored(ev, env.Event, unsupportedEvent(body.Type.String()))
	}
	ev.MessageKey = body.OpenMessageID.String()
	ev.ChatID = body.OpenChatID.String()
	ev.SenderID = cmp.Or(body.OpenID, body.EmployeeID, body.UnionID).String()
	ev.ReplyTo = platforms.Address{Tenant: ev.Tenant, ChatID: ev.ChatID, MessageID: ev.MessageKey, UserID: ev.SenderID}
	ev.Mentioned = body.IsMention
	ev.Text = a.v1Text(body)
	ev.Ignore = cmp.Or(unreadable(&ev, body.MsgType.String(), true), noText(ev))
	if ev.SenderID == "" {
		ev.Ignore = "no sender"
	}
	a.absent.set("")
	return ev
}

func (a *Adapter) v1Text(body v1Body) string {
	text := string(body.Text)
	if body.IsMention {
		text = strings.TrimSpace(string(body.TextWithoutAtBot))
	}
	text = a.atTag.ReplaceAllString(text, "$1")
	if body.Title != "" {
		text = string(body.Title) + "\n" + text
	}
	return text
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
