package feishu

import (
	"cmp"
	"encoding/json"
	"strings"
	"sync"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/parley-bot/parley/platforms"
)

// What happens around messages: one is taken back, the bot is added to a group,
// somebody opens the chat with it or uses its menu.

// recalled is a message that was taken back.
// https://open.feishu.cn/document/server-docs/im-v1/message/events/recalled
func recalled(ev platforms.Event, raw json.RawMessage) platforms.Event {
	var body struct {
		MessageID word `json:"message_id"`
	}
	_ = lenient.Decode(raw, &body)
	ev = ignored(ev, raw, "message recalled")
	ev.Retracts = body.MessageID.String()
	return ev
}

// greeted is an event of which a chat hears nothing but what the bot is for.
type greeted struct {
	ChatID        word   `json:"chat_id"`
	OperatorID    userID `json:"operator_id"`
	LastMessageID word   `json:"last_message_id"`
}

// botAdded is a group that the bot was put into: it says what it is for.
// https://open.feishu.cn/document/server-docs/group/chat-member/event/added
func botAdded(ev platforms.Event, raw json.RawMessage) platforms.Event {
	return greeting(ev, raw, platforms.Group)
}

// chatEntered is somebody who opens the private chat with the bot. Only the
// first time, before anything was said, is it greeted.
// https://open.feishu.cn/document/client-docs/bot-v3/events/bot_p2p_chat_entered
func chatEntered(ev platforms.Event, raw json.RawMessage) platforms.Event {
	return greeting(ev, raw, platforms.Private)
}

func greeting(ev platforms.Event, raw json.RawMessage, chat platforms.ChatType) platforms.Event {
	var body greeted
	_ = lenient.Decode(raw, &body)
	ev.ChatType, ev.ChatID, ev.SenderID, ev.Mentioned = chat, cmp.Or(body.ChatID.String(), noChat), body.OperatorID.best(), true
	ev.ReplyTo = platforms.Address{Tenant: ev.Tenant, ChatID: ev.ChatID, UserID: ev.SenderID}
	switch {
	case ev.ChatID == noChat:
		ev.Ignore = platforms.NotUnderstood + "an event without its chat"
	case ev.SenderID == "":
		ev.Ignore = "no sender"
	case body.LastMessageID != "":
		ev.Ignore = "chat opened"
	}
	return ev
}

// menuEvent is an entry of the bot's menu, whose key is a command ("reset",
// "/save city Paris"). Feishu does not say in which chat it stands: it is the
// private one.
// https://open.feishu.cn/document/client-docs/bot-v3/events/menu
func (a *Adapter) menuEvent(ev platforms.Event, raw json.RawMessage) platforms.Event {
	var body struct {
		Key      word `json:"event_key"`
		Operator struct {
			ID   userID `json:"operator_id"`
			Name word   `json:"operator_name"`
		} `json:"operator"`
	}
	_ = lenient.Decode(raw, &body)
	ev.Kind, ev.ChatType, ev.Mentioned = platforms.KindCommand, platforms.Private, true
	ev.Text = strings.TrimSpace(strings.TrimPrefix(body.Key.String(), "/"))
	ev.SenderID, ev.SenderName = body.Operator.ID.best(), body.Operator.Name.String()
	ev.ChatID = cmp.Or(a.chats.of(ev.SenderID), body.Operator.ID.OpenID.String(), noChat)
	ev.ReplyTo = platforms.Address{Tenant: ev.Tenant, ChatID: ev.ChatID, UserID: ev.SenderID}
	switch {
	case ev.ChatID == noChat:
		ev.Ignore = "no sender"
	case ev.Text == "":
		ev.Ignore = platforms.NotUnderstood + "a menu entry without a key"
	}
	return ev
}

// privateChats remembers which private chat is whose.
type privateChats struct {
	mu   sync.Mutex
	chat map[string]string // open_id → chat
}

const maxPrivateChats = 10_000

// note remembers the chat of a private message.
func (c *privateChats) note(ev platforms.Event) {
	if ev.ChatType != platforms.Private || ev.SenderID == "" || ev.ChatID == "" || ev.ChatID == noChat {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chat == nil || len(c.chat) >= maxPrivateChats {
		c.chat = make(map[string]string)
	}
	c.chat[ev.SenderID] = ev.ChatID
}

func (c *privateChats) of(sender string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chat[sender]
}

// topicChats remembers the groups that hold nothing but topics although their
// events call them groups: an answer of ours that was not to open one stood in one.
type topicChats struct {
	mu    sync.Mutex
	known map[string]bool
}

const maxTopicChats = 10_000

func (c *topicChats) add(chatID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxTopicChats {
		c.known = make(map[string]bool)
	}
	c.known[chatID] = true
}

func (c *topicChats) has(chatID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[chatID]
}
