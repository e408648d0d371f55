package inbox_test

import (
	"bytes"
	"testing"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/platforms"
)

// Context must not bleed between threads, chats, people or tenants, except
// where the scope says so.
func TestCase8ScopesKeepHistoriesApart(t *testing.T) {
	t.Parallel()
	base := platforms.Event{
		Platform: "slack", Tenant: "T1", ChatType: platforms.Group, ChatID: "C1", ThreadID: "1.1", SenderID: "alice",
	}
	with := func(change func(*platforms.Event)) platforms.Event {
		e := base
		change(&e)
		return e
	}
	others := map[string]platforms.Event{
		"thread":  with(func(e *platforms.Event) { e.ThreadID = "2.2" }),
		"chat":    with(func(e *platforms.Event) { e.ChatID = "C2" }),
		"person":  with(func(e *platforms.Event) { e.SenderID = "Alice" }),
		"private": with(func(e *platforms.Event) { e.ChatType, e.ChatID, e.ThreadID = platforms.Private, "D1", "" }),
		"tenant":  with(func(e *platforms.Event) { e.Tenant = "T2" }),
	}
	for scope, shared := range map[inbox.Scope]map[string]bool{
		inbox.ScopeThread: {},
		inbox.ScopeChat:   {"thread": true},
		inbox.ScopeSender: {"thread": true, "chat": true},
		inbox.ScopeRoom:   {"person": true},
	} {
		for what, other := range others {
			same := bytes.Equal(scope.Key(&base).Identity(), scope.Key(&other).Identity())
			if same != shared[what] {
				t.Errorf("scope %s: another %s shares the history: %v, want %v", scope, what, same, shared[what])
			}
		}
		if err := scope.Key(&base).Validate(); err != nil {
			t.Errorf("scope %s: %v", scope, err)
		}
	}
	if key := inbox.ScopeRoom.Key(&base); key.UserKey != "slack:group:*" {
		t.Errorf("a room's key is %s", key.UserKey)
	}
}
