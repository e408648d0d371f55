package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/session"
)

func shown(msgs []message.Message) string {
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
	user := session.Item{Kind: session.ItemMessage, Role: message.RoleUser, Content: "u"}
	assistant := session.Item{Kind: session.ItemMessage, Role: message.RoleAssistant, Content: "a"}
	call := func(id string) session.Item {
		return session.Item{Kind: session.ItemToolCall, ToolCallID: id, ToolName: "weather", Arguments: "{}"}
	}
	output := func(id string) session.Item {
		return session.Item{Kind: session.ItemToolOutput, ToolCallID: id, ToolName: "weather", Output: "out"}
	}
	for want, items := range map[string][]session.Item{
		"":                          nil,
		"user:u":                    {user},
		"user:u; assistant: call 1": {user, call("1")},
		"user:u; assistant: call 1 call 2; tool:out of 1; tool:out of 2":     {user, call("1"), call("2"), output("1"), output("2")},
		"user:u; assistant:a call 1; tool:out of 1; assistant:a":             {user, assistant, call("1"), output("1"), assistant},
		"assistant: call 1; tool:out of 1; assistant: call 2; tool:out of 2": {call("1"), output("1"), call("2"), output("2")},
		"assistant:a; user:u":                         {output("cut off"), assistant, user},
		"system:Handed over from a to b: why; user:u": {{Kind: session.ItemHandoff, FromAgent: "a", ToAgent: "b", Reason: "why"}, user},
		"assistant: call own":                         {{ID: "own", Kind: session.ItemToolCall}},
	} {
		before := fmt.Sprintf("%+v", items)
		if got := shown(session.MessagesOf(items)); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		if fmt.Sprintf("%+v", items) != before {
			t.Error("the items have changed")
		}
	}
}

func TestOpenSession(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "s.db")
	for i := range 2 { // survives being closed
		s, err := session.Open(t.Context(), "alice", path)
		if err != nil {
			t.Fatal(err)
		}
		other, err := session.Open(t.Context(), "Alice", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(t.Context(), session.Item{Kind: session.ItemHandoff}); err != nil {
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
		if _, err := session.Open(t.Context(), bad[0], bad[1]); !errors.Is(err, message.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte(strings.Repeat("junk", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Open(t.Context(), "a", junk); err == nil {
		t.Error("a file that is no database was opened")
	}
}
