package feishu

import (
	"time"

	"github.com/parley-bot/parley/platforms"
)

var _ platforms.Paced = (*Adapter)(nil)

// The scopes of limits on all that the app does.
const (
	appScope  = "app"   // with messages
	cardScope = "cards" // with cards that are there
)

func chatScope(chatID string) string { return "chat:" + chatID }

// Limits implements [platforms.Paced]: 5 messages a second in a chat, which all
// bots in a group share, and of one app 50 a second and 1,000 a minute: a burst
// and what the minute lets follow stay within both. Cards have as much of their own.
// https://open.feishu.cn/document/server-docs/im-v1/message/create
// https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
func (a *Adapter) Limits(to platforms.Address, c platforms.Call) []platforms.Limit {
	if c == platforms.CallEdit || c == platforms.CallClose {
		return []platforms.Limit{{Scope: cardScope, Every: time.Minute / 900, Burst: 25}}
	}
	return []platforms.Limit{
		{Scope: chatScope(to.ChatID), Every: time.Second / 5, Burst: 1},
		{Scope: appScope, Every: time.Minute / 900, Burst: 25},
	}
}
