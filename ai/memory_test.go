package ai_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	stored, err := conversation.OpenSession(t.Context(), "agent", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stored.Close() })
	for name, session := range map[string]conversation.Session{"memory": conversation.NewMemorySession("agent"), "sqlite": stored} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, e := endpoint(t, "one:small")
			m := ai.WithMemory(e.Model, session, 0)
			tell := func(msgs ...conversation.Message) error {
				_, err := m.Generate(t.Context(), ai.Request{Model: "small", System: "Be brief.", Messages: msgs}, nil)
				return err
			}
			if err := tell(said("My name is Ann.")); err != nil {
				t.Fatal(err)
			}
			server.Script(fakeopenai.Fail(500, ""))
			if err := tell(said("Lost?")); failure.CodeOf(err) != ai.CodeModelUnavailable {
				t.Errorf("got %v", err)
			}
			call := conversation.Message{Role: conversation.RoleAssistant, Metadata: map[string]any{"tool_calls": []any{
				map[string]any{"id": "c1", "type": "function", "function": map[string]any{"name": "look", "arguments": "{}"}},
			}}}
			result := conversation.Message{
				Role: conversation.RoleTool, Content: "Ann", Metadata: map[string]any{"tool_call_id": "c1", "tool_name": "look"},
			}
			if err := tell(said("Look it up."), call, result); err != nil {
				t.Fatal(err)
			}
			if err := tell(said("Who am I?")); err != nil {
				t.Fatal(err) // the fake refuses tool use that does not pair
			}
			calls := server.Calls()
			const want = "system=Be brief.|user=My name is Ann.|assistant=reply to: My name is Ann." +
				"|user=Look it up.|assistant=|tool=Ann|assistant=reply to: Look it up.|user=Who am I?"
			if got := prompt(calls[len(calls)-1]); got != want {
				t.Errorf("sent %s\nwant %s", got, want)
			}
			items, err := session.Items(t.Context(), 0)
			if err != nil || len(items) != 8 {
				t.Errorf("%d items, %v: %+v", len(items), err, items)
			}
		})
	}
}

func TestMemoryWindow(t *testing.T) {
	t.Parallel()
	server, e := endpoint(t, "one:small")
	server.Always(fakeopenai.Say("yes"))
	m := ai.WithMemory(e.Model, conversation.NewMemorySession("agent"), 60)
	for range 20 {
		if _, err := m.Generate(t.Context(), ai.Request{Model: "small", Messages: []conversation.Message{said("one two three")}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	calls := server.Calls()
	// A turn costs 3+4 and 1+4 tokens: four of them fit beside the 7 of the new message.
	last := calls[len(calls)-1]
	if n := len(last.Messages); n != 9 || last.Messages[0].Role != "user" {
		t.Errorf("%d messages, the first from %s", n, last.Messages[0].Role)
	}
}

// full is a session that cannot keep anything more.
type full struct{ *conversation.MemorySession }

var errFull = errors.New("disk full")

func (full) Add(context.Context, ...conversation.Item) error { return errFull }

func TestMemoryThatCannotKeep(t *testing.T) {
	t.Parallel()
	_, e := endpoint(t, "one:small")
	m := ai.WithMemory(e.Model, full{conversation.NewMemorySession("agent")}, 0)
	got, err := m.Generate(t.Context(), ai.Request{Model: "small", Messages: []conversation.Message{said("hi")}}, nil)
	if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "agent") || got.Text != "reply to: hi" {
		t.Errorf("got %+v, %v: the answer is worth having all the same", got, err)
	}
}
