package conversation_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// What a gateway stored is read as items, and what a session adds as history.
func TestSessionOnAConversation(t *testing.T) {
	t.Parallel()
	m, ctx := newStore(t, dbtest.New(t)), t.Context()
	c, err := m.GetOrCreate(ctx, conversation.Key{UserKey: "a"})
	if err != nil {
		t.Fatal(err)
	}
	calls := []any{
		map[string]any{"id": "1", "type": "function", "function": map[string]any{"name": "f", "arguments": "{}"}},
		map[string]any{"id": "2", "type": "function", "function": map[string]any{"name": "g", "arguments": "[]"}},
	}
	for _, msg := range []conversation.Message{
		{Role: conversation.RoleUser, Content: "u", Tokens: 1},
		{Role: conversation.RoleAssistant, Content: "a", Tokens: 2, Metadata: map[string]any{"tool_calls": calls}},
		{Role: conversation.RoleTool, Content: "out", Metadata: map[string]any{"tool_call_id": "2", "tool_name": "g"}},
	} {
		if _, err := m.SaveMessage(ctx, c.ID, msg); err != nil {
			t.Fatal(err)
		}
	}
	s, err := m.Session(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	pop := func() string {
		t.Helper()
		it, ok, err := s.Pop(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(it.Kind, " ", it.ToolCallID, it.ToolName, it.Arguments, it.Output, it.Content, " ", ok)
	}
	var got []string
	for range 6 {
		got = append(got, pop())
	}
	want := []string{"tool_output 2gout true", "tool_call 2g[] true", "tool_call 1f{} true", "message a true", "message u true", "  false"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	now, err := m.Get(ctx, c.ID)
	if err != nil || now.MessageCount != 0 || now.TotalTokens != 0 {
		t.Errorf("%+v, %v", now, err)
	}
	if err := s.Add(ctx, conversation.Item{Kind: conversation.ItemMessage, Role: conversation.RoleUser, Content: "next"}); err != nil {
		t.Fatal(err)
	}
	history, err := m.LoadHistory(ctx, c.ID, conversation.HistoryOptions{})
	if err != nil || len(history) != 1 || history[0].Role != conversation.RoleUser || history[0].Content != "next" || history[0].ID != 4 {
		t.Errorf("%+v, %v", history, err)
	}
}
