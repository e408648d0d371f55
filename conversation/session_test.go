package conversation_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

func shown(msgs []conversation.Message) string {
	var parts []string
	for _, m := range msgs {
		one := string(m.Role) + ":" + m.Content
		calls, _ := m.Metadata["tool_calls"].([]any)
		for _, c := range calls {
			fields, _ := c.(map[string]any)
			one += fmt.Sprint(" call ", fields["id"])
		}
		if id, ok := m.Metadata["tool_call_id"]; ok {
			one += fmt.Sprint(" of ", id)
		}
		parts = append(parts, one)
	}
	return strings.Join(parts, "; ")
}

func TestMessagesOf(t *testing.T) {
	t.Parallel()
	user := conversation.Item{Kind: conversation.ItemMessage, Role: conversation.RoleUser, Content: "u"}
	assistant := conversation.Item{Kind: conversation.ItemMessage, Role: conversation.RoleAssistant, Content: "a"}
	call := func(id string) conversation.Item {
		return conversation.Item{Kind: conversation.ItemToolCall, ToolCallID: id, ToolName: "weather", Arguments: "{}"}
	}
	output := func(id string) conversation.Item {
		return conversation.Item{Kind: conversation.ItemToolOutput, ToolCallID: id, ToolName: "weather", Output: "out"}
	}
	for want, items := range map[string][]conversation.Item{
		"":                          nil,
		"user:u":                    {user},
		"user:u; assistant: call 1": {user, call("1")},
		"user:u; assistant: call 1 call 2; tool:out of 1; tool:out of 2":     {user, call("1"), call("2"), output("1"), output("2")},
		"user:u; assistant:a call 1; tool:out of 1; assistant:a":             {user, assistant, call("1"), output("1"), assistant},
		"assistant: call 1; tool:out of 1; assistant: call 2; tool:out of 2": {call("1"), output("1"), call("2"), output("2")},
		"assistant:a; user:u":                         {output("cut off"), assistant, user},
		"system:Handed over from a to b: why; user:u": {{Kind: conversation.ItemHandoff, FromAgent: "a", ToAgent: "b", Reason: "why"}, user},
		"assistant: call own":                         {{ID: "own", Kind: conversation.ItemToolCall}},
	} {
		before := fmt.Sprintf("%+v", items)
		if got := shown(conversation.MessagesOf(items)); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		if fmt.Sprintf("%+v", items) != before {
			t.Error("the items have changed")
		}
	}
}

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
	if err != nil || shown(history) != "user:next" || history[0].ID != 4 {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestOpenSession(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "s.db")
	for i := range 2 { // survives being closed
		s, err := conversation.OpenSession(t.Context(), "alice", path)
		if err != nil {
			t.Fatal(err)
		}
		other, err := conversation.OpenSession(t.Context(), "Alice", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(t.Context(), conversation.Item{Kind: conversation.ItemHandoff}); err != nil {
			t.Fatal(err)
		}
		mine, err := s.Items(t.Context(), 0)
		if err != nil || len(mine) != i+1 {
			t.Errorf("%d items, %v", len(mine), err)
		}
		if theirs, err := other.Items(t.Context(), 0); err != nil || len(theirs) != 0 {
			t.Errorf("%d items of another session, %v", len(theirs), err)
		}
		_ = other.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range [][2]string{{"", path}, {"a", ""}, {"a\x00", path}} {
		if _, err := conversation.OpenSession(t.Context(), bad[0], bad[1]); !errors.Is(err, conversation.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte(strings.Repeat("junk", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := conversation.OpenSession(t.Context(), "a", junk); err == nil {
		t.Error("a file that is no database was opened")
	}
}
