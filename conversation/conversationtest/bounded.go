package conversationtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

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

	got, partial, err := s.LoadContext(ctx, c.ID, 0, 1<<20)
	must(t, err)
	equal(t, "context", fmt.Sprint(len(got), len(got[0].Content), len(got[1].Content), len(got[2].Metadata), partial), "4 3 0 0 false")
	got, partial, err = s.LoadContext(ctx, c.ID, 0, 2005)
	must(t, err)
	equal(t, "the newest only", contents(got), strings.Repeat("x", 500))
	equal(t, "is partial", partial, true)
	got, partial, err = s.LoadContext(ctx, c.ID, 0, 600)
	must(t, err)
	equal(t, "a text that is too long is not there", contents(got), "old   "+strings.Repeat("x", 500))
	equal(t, "whole", partial, false)
}

// What models are given begins at an id, ends where there is too much of it, and
// holds no commands.
func contextFrom(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	for i := range 200 {
		m := conversation.Message{Role: conversation.RoleUser, Content: fmt.Sprintf("%04d", i)}
		if i%4 == 3 {
			m.Metadata = map[string]any{"command": "help"}
		}
		_, err := s.SaveMessage(ctx, c.ID, m)
		must(t, err)
	}
	for _, c1 := range []struct {
		from    int64
		bytes   int
		n       int
		first   string
		partial bool
	}{{0, 0, 150, "0000", false}, {101, 0, 75, "0100", false}, {104, 0, 72, "0104", false}, {0, 40, 10, "0186", true}, {190, 40, 8, "0189", false}, {999, 0, 0, "", false}} {
		got, partial, err := s.LoadContext(ctx, c.ID, c1.from, c1.bytes)
		must(t, err)
		first := ""
		if len(got) > 0 {
			first = got[0].Content
		}
		equal(t, fmt.Sprintf("from %d with %d bytes", c1.from, c1.bytes), fmt.Sprint(len(got), first, partial), fmt.Sprint(c1.n, c1.first, c1.partial))
	}
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

// What models are told beside a message is theirs alone, and goes when somebody whose
// words it may hold is erased, or a message before it.
func beside(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	told := []conversation.Passage{{Author: "slack:group:U2", Text: "the needle"}, {Text: "more"}}
	save := func() int64 {
		m, err := s.SaveMessage(ctx, c.ID, conversation.Message{
			Role: conversation.RoleUser, Content: "why?", Context: told, Opaque: json.RawMessage(`{"thought":"the needle"}`),
		})
		must(t, err)
		return m.ID
	}
	last := func() conversation.Message {
		got, _, err := s.LoadContext(ctx, c.ID, 0, 0)
		must(t, err)
		return got[len(got)-1]
	}
	context := func() []conversation.Passage { return last().Context }
	save()
	equal(t, "what a provider wants back", string(last().Opaque), `{"thought":"the needle"}`)
	equal(t, "beside it", context(), told)
	var out bytes.Buffer
	must(t, s.ExportTo(ctx, c.ID, &out))
	equal(t, "in the export", strings.Contains(out.String(), "needle"), false)
	summary := func() string {
		got, err := s.Get(ctx, c.ID)
		must(t, err)
		return got.Summary
	}
	must(t, s.SetSummary(ctx, c.ID, "Of the needle."))
	must(t, s.EraseAuthored(ctx, c.Tenant, "elsewhere:group:*", []string{"slack:group:U2"}, time.Now().Add(time.Hour)))
	equal(t, "after an erasure elsewhere", context(), told)
	equal(t, "the summary after an erasure elsewhere", summary(), "Of the needle.")
	must(t, s.EraseAuthored(ctx, c.Tenant, c.Platform+":group:*", []string{"slack:group:U2"}, time.Now().Add(time.Hour)))
	equal(t, "after an erasure", len(context())+len(last().Opaque), 0)
	equal(t, "the summary after an erasure", summary(), "")
}
