package turn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

func TestIsCommand(t *testing.T) {
	t.Parallel()
	is := turn.IsCommand("!bot ")
	for _, tt := range []struct {
		kind platforms.Kind
		text string
		want bool
	}{
		{platforms.KindMessage, "!bot help", true},
		{platforms.KindMessage, "  !bot help\n", true},
		{platforms.KindMessage, "!bot", false},
		{platforms.KindMessage, "help", false},
		{platforms.KindAction, "!bot help", true},
		{platforms.KindAction, "help", false},
		{platforms.KindCommand, "help", true},
		{platforms.KindCommand, "!bot help", true},
	} {
		if got := is(&platforms.Event{Kind: tt.kind, Text: tt.text}); got != tt.want {
			t.Errorf("%s %q: %v", tt.kind, tt.text, got)
		}
	}
}

// tell runs the turns of these events, one after the other, and returns what
// was shown.
func tell(t *testing.T, b *inbox.Inbox, r *turn.Runner, c *chat, events ...platforms.Event) []string {
	t.Helper()
	for i := range events {
		_, err := b.Accept(t.Context(), events[i:i+1])
		must(t, err)
		works, err := b.Claim(t.Context(), 1)
		must(t, err)
		for k := range works {
			r.Run(t.Context(), &works[k])
		}
	}
	return c.shown
}

func said(id, text string) platforms.Event {
	return platforms.Event{
		Platform: "chat", ID: id, Kind: platforms.KindMessage, ChatType: platforms.Group,
		ChatID: "c", SenderID: "alice", SenderName: "Alice", Text: text, Mentioned: true, ReplyTo: platforms.Address{ChatID: "c"},
	}
}

// What a platform says that a text names reaches the command; a native command
// means the same with and without the prefix.
func TestMentionsAndNativeCommands(t *testing.T) {
	t.Parallel()
	db, c := dbtest.New(t), &chat{}
	b, r, store := build(t, db, c, func() (ai.Response, error) { panic("no command asks the model") })
	kudos := said("1", "/kudos @Tom Smith for it")
	kudos.Mentions = []platforms.Mention{{ID: "u1", Name: "Tom Smith"}, {ID: "u2", Text: "@tom"}, {Text: "@nobody"}}
	native := said("2", "load x")
	native.Kind = platforms.KindCommand
	prefixed := said("3", "/load x")
	prefixed.Kind = platforms.KindCommand
	got := strings.Join(tell(t, b, r, c, kudos, native, prefixed), " | ")
	if want := "@Tom Smith now has 1 kudos | No preference found with key 'x' | No preference found with key 'x'"; got != want {
		t.Errorf("got %s", got)
	}
	conv, err := store.Find(t.Context(), inbox.ScopeThread.Key(&kudos))
	must(t, err)
	kept, _, err := store.Messages(t.Context(), conv.ID, 1, "")
	must(t, err)
	if got := fmt.Sprint(kept[0].Metadata["mentions"]); got != "[map[id:u1 name:Tom Smith] map[id:u2 text:@tom] map[id: text:@nobody]]" {
		t.Errorf("kept with the message: %s", got)
	}
}

// A turn adds to the boards what the conversation counts, a command only to its
// own counter, and a turn that fails and is taken again adds once.
func TestTurnsCount(t *testing.T) {
	t.Parallel()
	db, c := dbtest.New(t), &chat{}
	b, r, store := build(t, db, c, func() (ai.Response, error) {
		return ai.Response{Text: "well", Model: "m", Usage: ai.Usage{CompletionTokens: 7, PromptTokens: 3}}, nil
	})
	tell(t, b, r, c, said("1", "hello there"), said("2", "/help"), said("3", "/HELP"), said("4", "/nope"))
	people := memory.New(db)
	who := memory.Person{Platform: "chat", SenderID: "alice"}
	at := memory.PlaceOf(who, true, "c")
	messages, err := people.Score(t.Context(), at, memory.Messages, who)
	must(t, err)
	tokens, err := people.Score(t.Context(), at, memory.Tokens, who)
	must(t, err)
	want := 7 + ai.NewCounter().Count("hello there")
	if messages != 1 || tokens != want {
		t.Errorf("%d messages, %d tokens, want 1 and %d", messages, tokens, want)
	}
	uses, err := people.CommandUses(t.Context(), who.Realm())
	if err != nil || len(uses) != 1 || uses[0] != (memory.Use{Name: "help", Count: 2}) {
		t.Errorf("%v, %v", uses, err)
	}
	if name, err := people.Name(t.Context(), who); err != nil || name != "Alice" {
		t.Errorf("%q, %v", name, err)
	}
	if s, err := store.Stats(t.Context()); err != nil || s.TotalMessages != 8 {
		t.Errorf("%+v, %v", s, err)
	}
}

// An export stands in a code block in a chat, and is kept as one short line.
func TestExportIsKeptShort(t *testing.T) {
	t.Parallel()
	db, c := dbtest.New(t), &chat{}
	b, r, store := build(t, db, c, func() (ai.Response, error) { return ai.Response{Text: "well", Model: "m"}, nil })
	shown := tell(t, b, r, c, said("1", "hello"), said("2", "/export"))
	text := strings.TrimSuffix(strings.TrimPrefix(shown[1], "```json\n"), "\n```")
	if !json.Valid([]byte(text)) || text == shown[1] {
		t.Errorf("shown %s", shown[1])
	}
	conv, err := store.GetConversationByUser(context.WithoutCancel(t.Context()), "chat:group:alice")
	must(t, err)
	last, err := store.Recent(t.Context(), conv.ID, 1, 500)
	if err != nil || last[0].Content != "Exported 2 messages" {
		t.Errorf("kept %+v, %v", last, err)
	}
}
