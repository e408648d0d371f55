package conversationtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/archive"
)

func export(t *testing.T, s Store) {
	t.Helper()
	c, ctx := fresh(t, s), t.Context()
	empty, err := s.Export(ctx, c.ID)
	must(t, err)
	text, err := json.Marshal(empty)
	must(t, err)
	for _, part := range []string{`"messages":[]`, `"summary":null`, `"message_count":0`, `"tenant":""`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	_, err = s.SaveMessage(ctx, c.ID, conversation.Message{
		Role: conversation.RoleUser, Content: "<&>", Timestamp: longAgo(), Tokens: 5, Author: "x:group:bob",
	})
	must(t, err)
	must(t, s.SetSummary(ctx, c.ID, "short"))
	var b strings.Builder
	must(t, s.ExportTo(ctx, c.ID, &b))
	for _, part := range []string{
		`"messages":[` + "\n" + `{"id":1,"role":"user","content":"<&>","timestamp":"2025-01-08T10:00:00.123456Z","tokens":5,"metadata":{},"author":"x:group:bob"}]}`,
		fmt.Sprintf(`{"conversation":{"id":%d,"user_key":%q,"platform":"generic","chat_id":"chat","created_at":"`, c.ID, c.UserKey),
		`"summary":"short","total_tokens":5,"message_count":1,`,
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%s is not in %s", part, b.String())
		}
	}
	a, err := s.Export(ctx, c.ID)
	must(t, err)
	streamed, err := archive.Read(strings.NewReader(b.String()))
	must(t, err)
	equal(t, "streamed", withoutIDs(*streamed), withoutIDs(*a))
}

// withoutIDs is what must survive a round trip.
func withoutIDs(a conversation.Archive) string {
	a.Conversation.ID = 0
	msgs := make([]conversation.Message, len(a.Messages))
	for i, m := range a.Messages {
		m.ID, m.ConversationID = 0, 0
		msgs[i] = m
	}
	a.Messages = msgs
	text, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func roundTrip(t *testing.T, s Store) {
	t.Helper()
	c, ctx := fresh(t, s), t.Context()
	zone := time.FixedZone("", -(9*3600 + 1800))
	for _, m := range []conversation.Message{
		{Role: conversation.RoleSystem, Content: "be kind"},
		{Role: conversation.RoleUser, Content: strings.Repeat("1 MiB 🦜 ", 1<<20/11), Tokens: 7, Timestamp: longAgo().In(zone)},
		call("שלום \u202e\u0301 \t\r\n\"\\", "1"),
		result(`{"result":"sunny, 25°C"}`, "1"),
		{Role: conversation.RoleAssistant, Metadata: map[string]any{
			"deep": map[string]any{"list": []any{1.25, "x", nil, map[string]any{"n": json.Number("12345678901234567890")}}}, "nul": "a\x00b",
		}},
		{Role: conversation.RoleUser, Author: "generic:group:bob", Content: ""},
	} {
		_, err := s.SaveMessage(ctx, c.ID, m)
		must(t, err)
	}
	must(t, s.SetModel(ctx, c.ID, "m"))
	must(t, s.SetPersona(ctx, c.ID, "p"))
	must(t, s.SetSummary(ctx, c.ID, "s"))
	var before strings.Builder
	must(t, s.ExportTo(ctx, c.ID, &before))
	first, err := archive.Read(strings.NewReader(before.String()))
	must(t, err)
	must(t, s.Delete(ctx, c.ID))
	again, err := s.Import(ctx, *first, conversation.ImportNew)
	must(t, err)
	second, err := s.Export(ctx, again.ID)
	must(t, err)
	if got, want := withoutIDs(*second), withoutIDs(*first); got != want {
		t.Errorf("%d bytes are not the %d bytes of before", len(got), len(want))
	}
	equal(t, "deep", second.Messages[4].Metadata, first.Messages[4].Metadata)
}

func importModes(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	a := archiveOf(keyOf(t), longAgo(), 4)
	a.Messages[2] = a.Messages[0] // the same message twice
	c, err := s.Import(ctx, a, conversation.ImportNew)
	must(t, err)
	equal(t, "key", c.Key(), keyOf(t))
	equal(t, "messages", len(all(t, s, c.ID)), 4)
	_, err = s.Import(ctx, a, conversation.ImportNew)
	wantErr(t, err, conversation.ErrExists)
	_, err = s.Import(ctx, a, "other")
	wantErr(t, err, conversation.ErrInvalid)

	same, err := s.Import(ctx, a, conversation.ImportMerge)
	must(t, err)
	equal(t, "merged without news", same, c)
	a.Messages = append(a.Messages, conversation.Message{Role: conversation.RoleUser, Content: "new", Timestamp: longAgo(), Tokens: 10})
	merged, err := s.Import(ctx, a, conversation.ImportMerge)
	must(t, err)
	equal(t, "merged", [3]int64{merged.ID, merged.MessageCount, merged.TotalTokens}, [3]int64{c.ID, 5, 22})
	equal(t, "the new one's id", all(t, s, c.ID)[4].ID, int64(5))

	replaced, err := s.Import(ctx, archiveOf(keyOf(t), longAgo(), 1), conversation.ImportReplace)
	must(t, err)
	equal(t, "replaced", [2]int64{replaced.MessageCount, replaced.TotalTokens}, [2]int64{1, 3})
	found, err := s.Find(ctx, keyOf(t))
	must(t, err)
	equal(t, "found", found, replaced)
	for _, mode := range []conversation.ImportMode{conversation.ImportMerge, conversation.ImportReplace} {
		a.Conversation.ChatID = "nobody has this " + string(mode)
		c, err := s.Import(ctx, a, mode)
		must(t, err)
		equal(t, "made by "+string(mode), c.MessageCount, int64(5))
	}
	for i := range 3 { // saving goes on after what was imported
		equal(t, "next id", say(t, s, replaced.ID, "u")[0].ID, int64(2+i))
	}
}

// A file of feishu_webhook_bot: times without a zone, counters that are wrong, null times.
func importRecounts(t *testing.T, s Store) {
	t.Helper()
	const file = `{"conversation": {"id": 1, "user_key": %q, "platform": "feishu", "chat_id": null,
		"created_at": "2025-01-08T10:00:00.5", "last_activity": "2025-01-08 11:30:00", "summary": null, "active_persona_id": "pirate",
		"total_tokens": 9999, "message_count": 9999},
		"messages": [{"id": 7, "conversation_id": 1, "role": "user", "content": "a\u0000b", "timestamp": "2025-01-08T10:00:00", "tokens": 5, "metadata": {}},
		{"id": 8, "role": "assistant", "content": null, "timestamp": null, "tokens": 6, "metadata": null},
		{"id": 9, "role": "assistant", "content": "x", "timestamp": "2025-01-08T18:00:00+08:00", "tokens": 1}]}`
	a, err := archive.Read(strings.NewReader(fmt.Sprintf(file, keyOf(t).UserKey)))
	must(t, err)
	c, err := s.Import(t.Context(), *a, conversation.ImportNew)
	must(t, err)
	equal(t, "counters", [2]int64{c.MessageCount, c.TotalTokens}, [2]int64{3, 12})
	equal(t, "created", c.CreatedAt, time.Date(2025, 1, 8, 10, 0, 0, 5e8, time.UTC))
	equal(t, "active", c.LastActivity, time.Date(2025, 1, 8, 11, 30, 0, 0, time.UTC))
	equal(t, "persona", c.Persona, "pirate")
	for _, m := range all(t, s, c.ID) {
		equal(t, "timestamp", m.Timestamp, time.Date(2025, 1, 8, 10, 0, 0, 0, time.UTC))
	}
	equal(t, "first", all(t, s, c.ID)[0].Content, "ab")
}

func importRefuses(t *testing.T, s Store) {
	t.Helper()
	for name, change := range map[string]func(*conversation.Archive){
		"user_key":              func(a *conversation.Archive) { a.Conversation.UserKey = "" },
		"chat_id":               func(a *conversation.Archive) { a.Conversation.ChatID = strings.Repeat("x", 256) },
		"messages[1]: role":     func(a *conversation.Archive) { a.Messages[1].Role = "robot" },
		"messages[2]: tokens":   func(a *conversation.Archive) { a.Messages[2].Tokens = -1 },
		"messages[0]: metadata": func(a *conversation.Archive) { a.Messages[0].Metadata = map[string]any{"c": make(chan int)} },
		"created_at":            func(a *conversation.Archive) { a.Conversation.CreatedAt = time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		a := archiveOf(keyOf(t), longAgo(), 3)
		change(&a)
		for _, mode := range []conversation.ImportMode{conversation.ImportNew, conversation.ImportMerge, conversation.ImportReplace} {
			_, err := s.Import(t.Context(), a, mode)
			if !errors.Is(err, conversation.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	_, err := s.Find(t.Context(), keyOf(t))
	wantErr(t, err, conversation.ErrNotFound)
}

func largeImport(t *testing.T, s Store) {
	t.Helper()
	const n = 2100
	c, err := s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), n), conversation.ImportNew)
	must(t, err)
	equal(t, "counters", [2]int64{c.MessageCount, c.TotalTokens}, [2]int64{n, 3 * n})
	for i, m := range all(t, s, c.ID) {
		if m.ID != int64(i+1) || !m.Timestamp.Equal(longAgo().Add(time.Duration(i)*time.Second)) {
			t.Fatalf("message %d: %+v", i, m)
		}
	}
	bigger := archiveOf(keyOf(t), longAgo(), 2*n)
	c, err = s.Import(t.Context(), bigger, conversation.ImportMerge)
	must(t, err)
	equal(t, "counters", [2]int64{c.MessageCount, c.TotalTokens}, [2]int64{2 * n, 6 * n})
	must(t, s.Delete(t.Context(), c.ID))
}

func racingImports(t *testing.T, s Store) {
	t.Helper()
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), 10), conversation.ImportNew)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantErr(t, err, conversation.ErrExists)
		}
	}
	equal(t, "winners", won, 1)
	used, err := s.TokensUsed(t.Context(), keyOf(t).UserKey, time.Time{})
	must(t, err)
	equal(t, "tokens: the losers' are taken back", used, int64(30))
	for i := range errs {
		wg.Go(func() {
			if _, err := s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), i+1), conversation.ImportReplace); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rows, _, err := s.List(t.Context(), conversation.ListOptions{UserKey: keyOf(t).UserKey})
	must(t, err)
	equal(t, "rows", len(rows), 1)
}

func cancelledImport(t *testing.T, s Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Import(&afterCalls{Context: ctx, left: 12, cancel: cancel}, archiveOf(keyOf(t), longAgo(), 5000), conversation.ImportNew)
	wantErr(t, err, context.Canceled)
	_, err = s.Find(t.Context(), keyOf(t))
	wantErr(t, err, conversation.ErrNotFound)
	used, err := s.TokensUsed(t.Context(), keyOf(t).UserKey, time.Time{})
	must(t, err)
	equal(t, "tokens", used, int64(0))
}

func cancelledMerge(t *testing.T, s Store) {
	t.Helper()
	c, err := s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), 2), conversation.ImportNew)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Import(&afterCalls{Context: ctx, left: 20, cancel: cancel}, archiveOf(keyOf(t), longAgo(), 5000), conversation.ImportMerge)
	wantErr(t, err, context.Canceled)
	got, err := s.Get(t.Context(), c.ID)
	must(t, err)
	equal(t, "counters", [2]int64{got.MessageCount, got.TotalTokens}, [2]int64{2, 6})
	equal(t, "messages", len(all(t, s, c.ID)), 2)
	used, err := s.TokensUsed(t.Context(), keyOf(t).UserKey, time.Time{})
	must(t, err)
	equal(t, "tokens", used, int64(6))
}

// afterCalls is a context that is cancelled once it was asked a number of times.
type afterCalls struct {
	context.Context //nolint:containedctx // it is one

	mu     sync.Mutex
	left   int
	cancel func()
}

// Err counts down.
func (c *afterCalls) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left <= 0 {
		c.cancel()
	}
	return c.Context.Err()
}

func racingMerges(t *testing.T, s Store) {
	t.Helper()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), 40), conversation.ImportMerge); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := s.Find(t.Context(), keyOf(t))
	must(t, err)
	equal(t, "counters", [2]int64{c.MessageCount, c.TotalTokens}, [2]int64{40, 120})
	equal(t, "messages", len(all(t, s, c.ID)), 40)
}
