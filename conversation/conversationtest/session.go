package conversationtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
)

// TestSession runs the contract of a Session. open returns an empty session of its own.
func TestSession(t *testing.T, open func(t *testing.T) conversation.Session) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s conversation.Session)
	}{
		{"empty", emptySession},
		{"every kind", everyKind},
		{"limit", sessionLimit},
		{"pop", sessionPop},
		{"all or nothing", allOrNothing},
		{"clear", sessionClear},
		{"racing adds", racingAdds},
		{"cancelled", sessionCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
	t.Run("apart from others", func(t *testing.T) {
		a, b := open(t), open(t)
		must(t, a.Add(t.Context(), itemOf("a")))
		items, err := b.Items(t.Context(), 0)
		must(t, err)
		equal(t, "the other's items", len(items), 0)
	})
}

func itemOf(content string) conversation.Item {
	return conversation.Item{Kind: conversation.ItemMessage, Role: conversation.RoleUser, Content: content}
}

func items(t *testing.T, s conversation.Session, limit int) []conversation.Item {
	t.Helper()
	list, err := s.Items(t.Context(), limit)
	must(t, err)
	return list
}

func emptySession(t *testing.T, s conversation.Session) {
	if s.ID() == "" {
		t.Error("no id")
	}
	equal(t, "items", len(items(t, s, 0)), 0)
	_, ok, err := s.Pop(t.Context())
	must(t, err)
	equal(t, "popped", ok, false)
	must(t, s.Clear(t.Context()))
	must(t, s.Add(t.Context()))
	_, err = s.Items(t.Context(), -1)
	wantErr(t, err, conversation.ErrInvalid)
}

func everyKind(t *testing.T, s conversation.Session) {
	at := time.Date(2025, 1, 8, 10, 0, 0, 123456000, time.UTC)
	want := []conversation.Item{
		{ID: "1", Kind: conversation.ItemMessage, Role: conversation.RoleUser, Content: "weather? 🦜", CreatedAt: at},
		{ID: "2", Kind: conversation.ItemToolCall, ToolCallID: "c1", ToolName: "weather", Arguments: `{"city":"Tokyo"}`, CreatedAt: at},
		{ID: "3", Kind: conversation.ItemToolCall, ToolName: "no id", CreatedAt: at},
		{ID: "4", Kind: conversation.ItemToolOutput, ToolCallID: "c1", ToolName: "weather", Output: "sunny", CreatedAt: at},
		{ID: "5", Kind: conversation.ItemHandoff, FromAgent: "a", ToAgent: "b", Reason: "why not", CreatedAt: at},
		{ID: "6", Kind: conversation.ItemMessage, Role: conversation.RoleAssistant, Content: "", CreatedAt: at},
	}
	must(t, s.Add(t.Context(), want...))
	equal(t, "items", items(t, s, 0), want)
	local := itemOf("a\x00b")
	local.CreatedAt = at.In(time.FixedZone("", 3600))
	must(t, s.Add(t.Context(), local, itemOf("c")))
	got := items(t, s, 2)
	equal(t, "time", got[0].CreatedAt, at)
	equal(t, "content", got[0].Content, "ab")
	if got[0].ID == "" || got[0].ID == got[1].ID || time.Since(got[1].CreatedAt).Abs() > time.Minute {
		t.Errorf("ids and times were not made: %+v", got)
	}
}

func sessionLimit(t *testing.T, s conversation.Session) {
	for i := range 5 {
		must(t, s.Add(t.Context(), itemOf(fmt.Sprint(i))))
	}
	for limit, want := range map[int]string{1: "4", 2: "3 4", 5: "0 1 2 3 4", 9: "0 1 2 3 4", 0: "0 1 2 3 4"} {
		got := contents(conversation.MessagesOf(items(t, s, limit)))
		equal(t, fmt.Sprint("last ", limit), got, want)
	}
}

func sessionPop(t *testing.T, s conversation.Session) {
	must(t, s.Add(t.Context(), itemOf("a"), itemOf("b")))
	for _, want := range []string{"b", "a"} {
		it, ok, err := s.Pop(t.Context())
		must(t, err)
		equal(t, "popped", fmt.Sprint(it.Content, ok), want+"true")
	}
	must(t, s.Add(t.Context(), itemOf("c")))
	equal(t, "left", len(items(t, s, 0)), 1)
}

func allOrNothing(t *testing.T, s conversation.Session) {
	for _, bad := range []conversation.Item{
		{Kind: "other"},
		{},
		{Kind: conversation.ItemMessage, Role: "robot"},
		{Kind: conversation.ItemHandoff, CreatedAt: time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		wantErr(t, s.Add(t.Context(), itemOf("good"), bad), conversation.ErrInvalid)
	}
	equal(t, "items", len(items(t, s, 0)), 0)
}

func sessionClear(t *testing.T, s conversation.Session) {
	must(t, s.Add(t.Context(), itemOf("a"), itemOf("b")))
	must(t, s.Clear(t.Context()))
	equal(t, "items", len(items(t, s, 0)), 0)
	must(t, s.Add(t.Context(), itemOf("c")))
	equal(t, "items", len(items(t, s, 0)), 1)
}

// The original took MAX+1 outside a transaction: ids collided.
func racingAdds(t *testing.T, s conversation.Session) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if err := s.Add(t.Context(), itemOf("a"), itemOf("b")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list := items(t, s, 0)
	equal(t, "items", len(list), 80)
	for i := 0; i+1 < len(list); i += 2 {
		equal(t, "one Add stays together", list[i].Content+list[i+1].Content, "ab")
	}
}

func sessionCancelled(t *testing.T, s conversation.Session) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, s.Add(ctx, itemOf("a")), context.Canceled)
	equal(t, "items", len(items(t, s, 0)), 0)
}
