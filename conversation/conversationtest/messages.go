package conversationtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
)

func save(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	before := time.Now().Add(-time.Second)
	saved, err := s.SaveMessage(ctx, c.ID, conversation.Message{
		Role: conversation.RoleUser, Author: "generic:group:bob", Content: "a\x00b 🦜 שלום \xff", Tokens: 5,
	})
	must(t, err)
	equal(t, "content", saved.Content, "ab 🦜 שלום \uFFFD")
	if saved.Timestamp.Before(before) || saved.Timestamp.Location() != time.UTC {
		t.Errorf("timestamp %v", saved.Timestamp)
	}
	zone := time.FixedZone("", 8*3600)
	at := time.Date(2025, 1, 8, 10, 0, 0, 123456789, zone)
	_, err = s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleAssistant, Timestamp: at, Metadata: map[string]any{}})
	must(t, err)
	msgs := all(t, s, c.ID)
	equal(t, "first", msgs[0], *saved)
	equal(t, "second's time", msgs[1].Timestamp, time.Date(2025, 1, 8, 2, 0, 0, 123456000, time.UTC))
	equal(t, "ids", []int64{msgs[0].ID, msgs[1].ID}, []int64{1, 2})
	got, err := s.Get(ctx, c.ID)
	must(t, err)
	equal(t, "counters", [2]int64{got.MessageCount, got.TotalTokens}, [2]int64{2, 5})
	if got.LastActivity.Before(before) {
		t.Errorf("last activity %v", got.LastActivity)
	}
	big := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	_, err = s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleTool, Content: big})
	must(t, err)
	if last := all(t, s, c.ID); last[len(last)-1].Content != big {
		t.Error("1 MiB of text came back changed")
	}
}

func saveRefuses(t *testing.T, s Store) {
	c := fresh(t, s)
	for name, msg := range map[string]conversation.Message{
		"no role":         {},
		"unknown role":    {Role: "robot"},
		"negative tokens": {Role: conversation.RoleUser, Tokens: -1},
		"absurd tokens":   {Role: conversation.RoleUser, Tokens: 1 << 60},
		"year 0":          {Role: conversation.RoleUser, Timestamp: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		"year 10000":      {Role: conversation.RoleUser, Timestamp: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"metadata":        {Role: conversation.RoleUser, Metadata: map[string]any{"f": func() {}}},
		"author":          {Role: conversation.RoleUser, Author: strings.Repeat("a", 1025)},
	} {
		_, err := s.SaveMessage(t.Context(), c.ID, msg)
		if !errors.Is(err, conversation.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal(t, "messages", len(all(t, s, c.ID)), 0)
}

// The original left message_count at 42 here.
func racingSaves(t *testing.T, s Store) {
	c := fresh(t, s)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 25 {
				_, err := s.SaveMessage(t.Context(), c.ID, conversation.Message{
					Role: conversation.RoleUser, Content: fmt.Sprintf("%d/%d", i, n), Tokens: 3,
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := s.Get(t.Context(), c.ID)
	must(t, err)
	equal(t, "counters", [2]int64{got.MessageCount, got.TotalTokens}, [2]int64{200, 600})
	msgs := all(t, s, c.ID)
	equal(t, "rows", len(msgs), 200)
	next := [8]int{}
	for i := range msgs {
		equal(t, "id", msgs[i].ID, int64(i+1))
		var who, n int
		_, err := fmt.Sscanf(msgs[i].Content, "%d/%d", &who, &n)
		must(t, err)
		equal(t, "each saver's order", n, next[who])
		next[who]++
	}
}

func metadata(t *testing.T, s Store) {
	c := fresh(t, s)
	want := map[string]any{
		"model": "gpt-4o", "n": 1.5, "whole": 3.0, "yes": true, "none": nil, "text": "a ? 'b' \\ \x00 <&> 🦜",
		"list": []any{"x", 2.0, map[string]any{"deep": []any{}}},
	}
	_, err := s.SaveMessage(t.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Metadata: want})
	must(t, err)
	_, err = s.SaveMessage(t.Context(), c.ID, conversation.Message{
		Role: conversation.RoleUser, Metadata: map[string]any{"big": int64(9007199254740993)},
	})
	must(t, err)
	msgs, err := s.LoadHistory(t.Context(), c.ID, conversation.HistoryOptions{})
	must(t, err)
	equal(t, "metadata", msgs[0].Metadata, want)
	equal(t, "a number that no float64 is", fmt.Sprint(msgs[1].Metadata["big"]), "9007199254740993")
}

func commands(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	say(t, s, c.ID, "u")
	for _, m := range []conversation.Message{
		{Role: conversation.RoleUser, Content: "/help", Metadata: map[string]any{"command": "help"}},
		{Role: conversation.RoleAssistant, Content: "answer", Metadata: map[string]any{"command": "help"}},
		{Role: conversation.RoleAssistant, Content: "a1"},
		{Role: conversation.RoleUser, Content: "u2"},
	} {
		_, err := s.SaveMessage(ctx, c.ID, m)
		must(t, err)
	}
	got, _, err := s.LoadContext(ctx, c.ID, 0, 0)
	must(t, err)
	equal(t, "context", contents(got), "u0 a1 u2")
	got, err = s.LoadHistory(ctx, c.ID, conversation.HistoryOptions{MaxTurns: 2})
	must(t, err)
	equal(t, "history", contents(got), "/help answer a1 u2")
	got, err = s.Recent(ctx, c.ID, 3, 500)
	must(t, err)
	equal(t, "recent", contents(got), "answer a1 u2")
	got, err = s.Recent(ctx, c.ID, 100, 500)
	must(t, err)
	equal(t, "all recent", contents(got), "u0 /help answer a1 u2")
	_, err = s.Recent(ctx, c.ID, 0, 500)
	wantErr(t, err, conversation.ErrInvalid)
}

func messagePages(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	items, next, err := s.Messages(ctx, c.ID, 0, "")
	must(t, err)
	equal(t, "empty", fmt.Sprintf("%d %q", len(items), next), `0 ""`)
	want := contents(say(t, s, c.ID, "uauau"))
	for _, limit := range []int{1, 2, 5, 6, 0, 10000} {
		var got []conversation.Message
		for cursor, pages := "", 0; ; pages++ {
			items, next, err := s.Messages(ctx, c.ID, limit, cursor)
			must(t, err)
			got = append(got, items...)
			if cursor = next; cursor == "" || pages > 5 {
				break
			}
		}
		equal(t, fmt.Sprint("pages of ", limit), contents(got), want)
	}
	for _, bad := range []string{"x", "1.2.3"} {
		_, _, err := s.Messages(ctx, c.ID, 1, bad)
		wantErr(t, err, conversation.ErrInvalid)
		_, _, err = s.List(ctx, conversation.ListOptions{Cursor: bad})
		wantErr(t, err, conversation.ErrInvalid)
	}
	_, _, err = s.Messages(ctx, c.ID, -1, "")
	wantErr(t, err, conversation.ErrInvalid)
}

func clearing(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	say(t, s, c.ID, "uaua")
	must(t, s.SetModel(ctx, c.ID, "m"))
	must(t, s.SetPersona(ctx, c.ID, "p"))
	must(t, s.SetSummary(ctx, c.ID, "s"))
	must(t, s.Clear(ctx, c.ID))
	got, err := s.Get(ctx, c.ID)
	must(t, err)
	if got.MessageCount != 0 || got.TotalTokens != 0 || got.Summary != "" || got.Model != "m" || got.Persona != "p" {
		t.Errorf("%+v", got)
	}
	equal(t, "messages", len(all(t, s, c.ID)), 0)
	saved := say(t, s, c.ID, "u")
	equal(t, "id after four that are gone", saved[0].ID, int64(5))
	history, err := s.LoadHistory(ctx, c.ID, conversation.HistoryOptions{})
	must(t, err)
	equal(t, "history", len(history), 1)
	must(t, s.Clear(ctx, c.ID))
	must(t, s.Clear(ctx, c.ID))
}

func clearLong(t *testing.T, s Store) {
	c, err := s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), 1700), conversation.ImportNew)
	must(t, err)
	must(t, s.Clear(t.Context(), c.ID))
	equal(t, "id after 1700", say(t, s, c.ID, "u")[0].ID, int64(1701))
	equal(t, "messages", len(all(t, s, c.ID)), 1)
}

func deleting(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	say(t, s, c.ID, "ua")
	must(t, s.Delete(ctx, c.ID))
	_, err := s.Get(ctx, c.ID)
	wantErr(t, err, conversation.ErrNotFound)
	wantErr(t, s.Delete(ctx, c.ID), conversation.ErrNotFound)
	_, err = s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser})
	wantErr(t, err, conversation.ErrNotFound)
	again := fresh(t, s)
	if again.ID == c.ID || again.MessageCount != 0 {
		t.Errorf("after %+v came %+v", c, again)
	}
}

// Savers meet a conversation that vanishes: each is told whether its message is there.
func deleteWhileSaving(t *testing.T, s Store) {
	c := fresh(t, s)
	var wg sync.WaitGroup
	saved := make(chan struct{}, 4)
	for range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				_, err := s.SaveMessage(t.Context(), c.ID, conversation.Message{Role: conversation.RoleUser})
				if errors.Is(err, conversation.ErrNotFound) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n == 0 {
					saved <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-saved
	}
	must(t, s.Delete(t.Context(), c.ID))
	wg.Wait()
	equal(t, "messages of the next one", len(all(t, s, fresh(t, s).ID)), 0)
}

func tokensUsed(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	key := keyOf(t).UserKey
	other := keyOf(t)
	other.ChatID = "other"
	second, err := s.GetOrCreate(ctx, other)
	must(t, err)
	for i, m := range []conversation.Message{
		{Role: conversation.RoleUser, Tokens: 1, Timestamp: longAgo()},
		{Role: conversation.RoleAssistant, Tokens: 2, Timestamp: longAgo()}, // in the same microsecond
		{Role: conversation.RoleTool, Tokens: 100, Timestamp: longAgo()},
		{Role: conversation.RoleUser, Tokens: 4, Timestamp: longAgo().Add(time.Hour), Author: key + "-bob"},
		{Role: conversation.RoleUser, Tokens: 8},
		{Role: conversation.RoleUser, Tokens: 200, Metadata: map[string]any{"command": "history"}}, // commands use nothing
		{Role: conversation.RoleAssistant, Tokens: 29_000, Metadata: map[string]any{"command": "history"}},
	} {
		_, err := s.SaveMessage(ctx, []int64{c.ID, second.ID}[i%2], m)
		must(t, err)
	}
	must(t, s.UpdateStats(ctx, c.ID, 16))
	used := func(who string, since time.Time, want int64) {
		t.Helper()
		got, err := s.TokensUsed(ctx, who, since)
		must(t, err)
		equal(t, fmt.Sprint("used since ", since), got, want)
	}
	check := func() {
		t.Helper()
		used(key, time.Time{}, 31)
		used(key, longAgo(), 31)
		used(key, longAgo().Add(time.Microsecond), 28)
		used(key, longAgo().Add(2*time.Hour), 24)
		used(key, time.Now().Add(time.Hour), 0)
		used(key+"-bob", time.Time{}, 4)
		used(key+" ", time.Time{}, 0)
	}
	check()
	must(t, s.Clear(ctx, c.ID))
	must(t, s.Delete(ctx, second.ID))
	check()
	// Imports count in mode new and merge, and only what they add.
	a := archiveOf(keyOf(t), longAgo(), 2)
	a.Conversation.ChatID = "imported"
	_, err = s.Import(ctx, a, conversation.ImportNew)
	must(t, err)
	used(key, time.Time{}, 37)
	_, err = s.Import(ctx, a, conversation.ImportReplace)
	must(t, err)
	used(key, time.Time{}, 37)
	a.Messages = append(a.Messages, conversation.Message{Role: conversation.RoleUser, Tokens: 5, Content: "more"})
	_, err = s.Import(ctx, a, conversation.ImportMerge)
	must(t, err)
	used(key, time.Time{}, 42)
}

func vacuum(t *testing.T, s Store) {
	c, err := s.Import(t.Context(), archiveOf(keyOf(t), longAgo(), 1000), conversation.ImportNew)
	must(t, err)
	must(t, s.Delete(t.Context(), c.ID))
	must(t, s.Vacuum(t.Context()))
	must(t, s.VacuumFull(t.Context()))
	say(t, s, fresh(t, s).ID, "u")
}
