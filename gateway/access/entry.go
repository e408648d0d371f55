package access

import "github.com/parley-bot/parley/platforms"

// Entry is one line of a list: a platform, a tenant of it, a chat or a person.
type Entry struct {
	Platform string
	Tenant   string // "*" = any
	Chat     string // "" = any
	User     string // "" = anybody
}

// lists reports whether the entry is about who wrote an event. Of another
// organization's members in a shared channel an entry of a platform or of our
// tenant says nothing: they are listed by person, by chat, or by theirs.
func (l Entry) lists(e *platforms.Event) bool {
	if l.Platform != e.Platform || l.Chat != "" && l.Chat != e.ChatID || l.User != "" && l.User != e.SenderID {
		return false
	}
	if e.Guest != "" && l.Chat == "" && l.User == "" {
		return l.Tenant == e.Guest
	}
	return l.Tenant == "*" || l.Tenant == e.Tenant
}

// bars reports whether the entry shuts out who wrote an event: wherever somebody
// is from, they are in that chat, on that platform.
func (l Entry) bars(e *platforms.Event) bool {
	own := *e
	own.Guest = ""
	return l.lists(&own) || l.lists(e)
}
