package platforms

import (
	"cmp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/parley-bot/parley/internal/failure"
)

// How the reason begins of what an admin is told about, since a platform sends
// it in vain: nobody asked for it, or it has changed its form.
const (
	Unsupported   = "unsupported "
	NotUnderstood = "not understood: "
)

// Strange notes what was sent in vain, so that an admin hears of each kind once
// a minute at most. The zero value is ready.
type Strange struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const maxStrange = 100

// Worth reports whether the reason why an event is ignored is one to warn of,
// and was not given within the last minute.
func (s *Strange) Worth(reason string, now time.Time) bool {
	if !strings.HasPrefix(reason, Unsupported) && !strings.HasPrefix(reason, NotUnderstood) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.last[reason]; ok && now.Sub(at).Abs() < time.Minute {
		return false
	}
	if s.last == nil || len(s.last) >= maxStrange {
		s.last = make(map[string]time.Time)
	}
	s.last[reason] = now
	return true
}

// Storable returns e as it is when it can be stored. Else it returns what can be
// kept of it, under the id that otherwise makes when its own does not do: that it
// came, and why it is not answered.
func (e Event) Storable(otherwise func() string) Event {
	if len(e.SenderName) > MaxIDLen || strings.ContainsRune(e.SenderName, 0) {
		e.SenderName = ""
	}
	if len(e.Quotes) > MaxIDLen {
		e.Quotes = ""
	}
	why := e.Validate()
	if why == nil {
		return e
	}
	fits := func(id string) string {
		if len(id) > MaxIDLen || strings.ContainsRune(id, 0) {
			return ""
		}
		return id
	}
	return Event{
		Platform: e.Platform, Tenant: fits(e.Tenant), App: fits(e.App), ID: cmp.Or(fits(e.ID), otherwise()),
		Kind: e.Kind, ChatType: Group, ChatID: cmp.Or(fits(e.ChatID), "unknown"), SenderID: fits(e.SenderID),
		SentAt: e.SentAt, Ignore: NotUnderstood + failure.SafeOf(why),
	}
}

// ShortName makes a name that a platform chose fit into a reason.
func ShortName(name string) string {
	const longest = 100
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "")
	}
	return name
}
