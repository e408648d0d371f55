package fakefeishu

import (
	"cmp"
	"strconv"
	"time"
)

// Message describes an im.message.receive_v1 event; what is empty gets a
// plausible value.
type Message struct {
	EventID    string // default: made from MessageID
	AppID      string // default cli_test
	TenantKey  string // default tenant_1
	Home       string // the sender's tenant, default TenantKey
	Token      string // the verification token
	MessageID  string // default om_1
	ChatID     string // default oc_1
	ChatType   string // "p2p" (default) or "group"
	ThreadID   string
	Parent     string // the message that it answers
	Root       string // what the chain of answers began with, default Parent
	Sender     string // open_id, default ou_alice
	SenderName string // which only the API tells
	SenderType string // default user
	Type       string // message type, default text
	Text       string // of a text message
	Content    string // JSON, instead of Text
	Mentions   []Mention
	At         time.Time // default: now
}

// Mention is somebody mentioned in a message, whose text holds the key.
type Mention struct {
	Key    string // "@_user_1"
	OpenID string
	UserID string
	Name   string
	Type   string // "user", "bot", or "" as in older events
}

// MessageEvent returns the event in schema 2.0.
func MessageEvent(m Message) []byte {
	m = m.complete()
	message := map[string]any{
		"message_id": m.MessageID, "chat_id": m.ChatID, "chat_type": m.ChatType, "message_type": m.Type,
		"create_time": millis(m.At), "update_time": millis(m.At), "content": m.Content,
	}
	if m.ThreadID != "" {
		message["thread_id"] = m.ThreadID
	}
	if m.Parent != "" {
		message["parent_id"], message["root_id"] = m.Parent, cmp.Or(m.Root, m.Parent)
	}
	if len(m.Mentions) > 0 {
		message["mentions"] = mentions(m)
	}
	return V2Event("im.message.receive_v1", m, map[string]any{
		"sender": map[string]any{
			"sender_id":   map[string]string{"open_id": m.Sender, "union_id": "on_" + m.Sender, "user_id": "u_" + m.Sender},
			"sender_type": m.SenderType, "tenant_key": cmp.Or(m.Home, m.TenantKey),
		},
		"message": message,
	})
}

// V2Event wraps any event in schema 2.0; of m only the header's fields count.
func V2Event(eventType string, m Message, event any) []byte {
	m = m.complete()
	return mustJSON(map[string]any{
		"schema": "2.0",
		"header": map[string]string{
			"event_id": m.EventID, "event_type": eventType, "create_time": millis(m.At), "token": m.Token,
			"app_id": m.AppID, "tenant_key": m.TenantKey,
		},
		"event": event,
	})
}

// MessageEventV1 returns the same message in schema 1. A mention of the bot
// is taken to be the first of m.Mentions and to stand at the start of m.Text.
func MessageEventV1(m Message) []byte {
	m = m.complete()
	chatType := m.ChatType
	if chatType == "p2p" {
		chatType = "private"
	}
	event := map[string]any{
		"type": "message", "app_id": m.AppID, "tenant_key": m.TenantKey, "open_chat_id": m.ChatID, "chat_type": chatType,
		"msg_type": m.Type, "open_id": m.Sender, "employee_id": "u_" + m.Sender, "open_message_id": m.MessageID,
		"is_mention": len(m.Mentions) > 0, "text": m.Text, "root_id": "", "parent_id": "",
	}
	if len(m.Mentions) > 0 {
		event["text"] = `<at open_id="` + m.Mentions[0].OpenID + `">@` + m.Mentions[0].Name + `</at> ` + m.Text
	}
	if m.Text != "" {
		event["text_without_at_bot"] = " " + m.Text
	}
	return v1Event(m, event)
}

func v1Event(m Message, event map[string]any) []byte {
	return mustJSON(map[string]any{
		"uuid": m.EventID, "token": m.Token, "type": "event_callback",
		"ts": strconv.FormatInt(m.At.Unix(), 10) + ".1234567", "event": event,
	})
}

// AppStatusEvent tells that an app was started or stopped ("start_by_tenant",
// "stop_by_tenant", "stop_by_platform"), which Feishu does in schema 1 alone; of m
// only who it is for counts.
func AppStatusEvent(m Message, status string) []byte {
	m = m.complete()
	return v1Event(m, map[string]any{"type": "app_status_change", "app_id": m.AppID, "tenant_key": m.TenantKey, "status": status})
}

// AppUninstalledEvent tells that an app was taken away from a tenant.
func AppUninstalledEvent(m Message) []byte {
	m = m.complete()
	return v1Event(m, map[string]any{"type": "app_uninstalled", "app_id": m.AppID, "tenant_key": m.TenantKey})
}

// Card describes a press on a card.
type Card struct {
	Message        // EventID, AppID, TenantKey, Home, Token, MessageID, ChatID, Sender and At count
	Tag     string // default button
	Value   any    // what the card's author put there
	Option  string // what was chosen from a menu
}

// CardEvent returns a card.action.trigger event.
func CardEvent(c Card) []byte {
	m := c.complete()
	return V2Event("card.action.trigger", m, map[string]any{
		"operator": map[string]string{"tenant_key": cmp.Or(m.Home, m.TenantKey), "open_id": m.Sender, "union_id": "on_" + m.Sender},
		"token":    "c-" + m.EventID,
		"action":   c.action(),
		"host":     "im_message",
		"context":  map[string]string{"open_message_id": m.MessageID, "open_chat_id": m.ChatID},
	})
}

// LegacyCardBody returns the body of the old card callback, see LegacyCardRequest.
func LegacyCardBody(c Card) []byte {
	m := c.complete()
	return mustJSON(map[string]any{
		"open_id": m.Sender, "user_id": "u_" + m.Sender, "open_message_id": m.MessageID, "open_chat_id": m.ChatID,
		"tenant_key": m.TenantKey, "token": "c-" + m.EventID, "action": c.action(),
	})
}

func (c Card) action() map[string]any {
	action := map[string]any{"tag": cmp.Or(c.Tag, "button"), "value": c.Value}
	if c.Option != "" {
		action["option"] = c.Option
	}
	return action
}

func (m Message) complete() Message {
	m.AppID = cmp.Or(m.AppID, "cli_test")
	m.TenantKey = cmp.Or(m.TenantKey, "tenant_1")
	m.MessageID = cmp.Or(m.MessageID, "om_1")
	m.EventID = cmp.Or(m.EventID, "ev_"+m.MessageID)
	m.ChatID = cmp.Or(m.ChatID, "oc_1")
	m.ChatType = cmp.Or(m.ChatType, "p2p")
	m.Sender = cmp.Or(m.Sender, "ou_alice")
	m.SenderType = cmp.Or(m.SenderType, "user")
	m.Type = cmp.Or(m.Type, "text")
	if m.Content == "" {
		m.Content = string(mustJSON(map[string]string{"text": m.Text}))
	}
	if m.At.IsZero() {
		m.At = time.Now()
	}
	return m
}

func mentions(m Message) []map[string]any {
	var list []map[string]any
	for _, x := range m.Mentions {
		one := map[string]any{
			"key": x.Key, "name": x.Name, "tenant_key": m.TenantKey,
			"id": map[string]string{"open_id": x.OpenID, "union_id": "on_" + x.OpenID, "user_id": x.UserID},
		}
		if x.Type != "" {
			one["mentioned_type"] = x.Type
		}
		list = append(list, one)
	}
	return list
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
