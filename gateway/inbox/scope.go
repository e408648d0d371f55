package inbox

import (
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/platforms"
)

// Scope says which messages share one history.
type Scope string

// The scopes.
const (
	ScopeThread Scope = "thread" // the user key within one thread, or within the chat where there is none
	ScopeChat   Scope = "chat"   // the user key within one chat
	ScopeSender Scope = "sender" // the user key alone, across chats
	ScopeRoom   Scope = "room"   // everybody in one chat or thread together
)

// Key returns the identity of the conversation that e belongs to. What only its
// sender may see is none of a room's: it stays with the sender, except for
// commands, which are about the room and leave nothing in it.
func (s Scope) Key(e *platforms.Event) conversation.Key {
	k := conversation.Key{
		UserKey: e.UserKey(), Platform: e.Platform, Tenant: e.Tenant,
		ChatID: e.ChatID, ThreadID: e.ThreadID,
	}
	switch s {
	case ScopeChat:
		k.ThreadID = ""
	case ScopeSender:
		k.ChatID, k.ThreadID = "", ""
	case ScopeRoom:
		if e.ChatType == platforms.Group && (!e.ReplyTo.Private || e.Kind == platforms.KindCommand) {
			k.UserKey = platforms.RoomKey(e.Platform)
		}
	case ScopeThread:
	}
	return k
}
