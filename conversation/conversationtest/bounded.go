package conversationtest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation"
)

// Who shows messages, or gives them to a model, reads no more than that takes of
// a message that has no end.
func boundedReads(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	const family = "👩‍👩‍👧"
	huge := map[string]any{"note": strings.Repeat("n", 2<<20)}
	for _, m := range []conversation.Message{
		{Role: conversation.RoleUser, Content: "old", Tokens: 1},
		{Role: conversation.RoleAssistant, Content: strings.Repeat("b", 5<<20), Tokens: 1},
		{Role: conversation.RoleUser, Content: strings.Repeat("世", 499) + family + "!", Metadata: huge, Tokens: 1},
		{Role: conversation.RoleAssistant, Content: strings.Repeat("x", 500), Metadata: map[string]any{"k": "v"}, Tokens: 1},
	} {
		_, err := s.SaveMessage(ctx, c.ID, m)
		must(t, err)
	}
	got, err := s.Recent(ctx, c.ID, 10, 500)
	must(t, err)
	equal(t, "recent", strings.Join(strings.Fields(contents(got)), "|"),
		strings.Join([]string{"old", "…", strings.Repeat("世", 499) + "…", strings.Repeat("x", 500)}, "|"))
	equal(t, "metadata", fmt.Sprint(len(got[2].Metadata), " ", got[3].Metadata["k"]), "0 v")

	got, err = s.LoadContext(ctx, c.ID, conversation.HistoryOptions{}, 1<<20)
	must(t, err)
	equal(t, "context", fmt.Sprint(len(got), len(got[0].Content), len(got[1].Content), len(got[2].Metadata)), "4 3 0 0")
	got, err = s.LoadContext(ctx, c.ID, conversation.HistoryOptions{}, 2005)
	must(t, err)
	equal(t, "the newest turn only", contents(got), strings.Repeat("世", 499)+family+"! "+strings.Repeat("x", 500))
	got, err = s.LoadContext(ctx, c.ID, conversation.HistoryOptions{}, 600)
	must(t, err)
	equal(t, "a text that is too long is not there", contents(got), "old   "+strings.Repeat("x", 500))
}

// A turn without an end, and texts whose tokens nobody counted, are bounded too.
func boundedTurns(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	for range 40 {
		_, err := s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleAssistant, Content: strings.Repeat("x", 1000)})
		must(t, err)
	}
	got, err := s.LoadContext(ctx, c.ID, conversation.HistoryOptions{MaxTurns: 20, MaxTokens: 100}, 10_000)
	must(t, err)
	equal(t, "messages of a turn without an end", len(got), 11)
	for range 40 {
		_, err := s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: strings.Repeat("y", 1000)})
		must(t, err)
	}
	got, err = s.LoadContext(ctx, c.ID, conversation.HistoryOptions{MaxTokens: 100}, 10_000)
	must(t, err)
	equal(t, "messages without tokens", len(got), 10)
}

func exportUpTo(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	say(t, s, c.ID, "uaua")
	var whole bytes.Buffer
	must(t, s.ExportTo(ctx, c.ID, &whole))
	want := strings.TrimSpace(whole.String())
	for limit, text := range map[int]string{len(want) + 1: want, len(want): want, len(want) - 1: "", 100: "", 0: ""} {
		conv, got, err := s.ExportUpTo(ctx, c.ID, limit)
		must(t, err)
		equal(t, fmt.Sprint("export up to ", limit), got, text)
		equal(t, "messages", conv.MessageCount, int64(4))
	}
	_, err := s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: strings.Repeat("x", 5<<20)})
	must(t, err)
	_, got, err := s.ExportUpTo(ctx, c.ID, 4<<20)
	must(t, err)
	equal(t, "export of a message without an end", got, "")
	_, _, err = s.ExportUpTo(ctx, 12345, 100)
	wantErr(t, err, conversation.ErrNotFound)
}
