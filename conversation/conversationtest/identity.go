package conversationtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/conversation"
)

func oneRow(t *testing.T, s Store) {
	key := keyOf(t)
	key.Tenant, key.ThreadID = "T1", "thread"
	a, err := s.GetOrCreate(t.Context(), key)
	must(t, err)
	b, err := s.GetOrCreate(t.Context(), key)
	must(t, err)
	equal(t, "id", b.ID, a.ID)
	equal(t, "key", b.Key(), key)
	if b.LastActivity.Before(a.LastActivity) || a.CreatedAt.IsZero() || !b.CreatedAt.Equal(a.CreatedAt) {
		t.Errorf("first %v, %v, then %v, %v", a.CreatedAt, a.LastActivity, b.CreatedAt, b.LastActivity)
	}
	key.Platform = "other" // is no part of the identity
	c, err := s.GetOrCreate(t.Context(), key)
	must(t, err)
	equal(t, "id with another platform", c.ID, a.ID)
}

// The original made 88 rows of these 40 keys.
func racingKeys(t *testing.T, s Store) {
	const keys, callers = 40, 5
	ids := make([][callers]int64, keys)
	var wg sync.WaitGroup
	for k := range keys {
		for c := range callers {
			wg.Go(func() {
				key := keyOf(t)
				key.ChatID = fmt.Sprint("racing ", k)
				got, err := s.GetOrCreate(t.Context(), key)
				if err != nil {
					t.Error(err)
					return
				}
				ids[k][c] = got.ID
			})
		}
	}
	wg.Wait()
	different := map[int64]bool{}
	for k := range keys {
		for c := range callers {
			equal(t, fmt.Sprintf("id of key %d", k), ids[k][c], ids[k][0])
		}
		different[ids[k][0]] = true
	}
	equal(t, "rows", len(different), keys)
	rows, _, err := s.List(t.Context(), conversation.ListOptions{UserKey: keyOf(t).UserKey, Limit: 500})
	must(t, err)
	equal(t, "listed", len(rows), keys)
}

func bytesDecide(t *testing.T, s Store) {
	base := keyOf(t)
	ids := map[int64]string{}
	for _, name := range []string{"alice", "Alice", "alice ", "álice", "alice\u0301", "ａlice", " alice", "alice\t"} {
		key := base
		key.UserKey = "generic:private:" + name
		c, err := s.GetOrCreate(t.Context(), key)
		must(t, err)
		if other, ok := ids[c.ID]; ok {
			t.Errorf("%q and %q are one", name, other)
		}
		ids[c.ID] = name
		byUser, err := s.GetConversationByUser(t.Context(), key.UserKey)
		must(t, err)
		equal(t, "conversation of "+name, byUser.ID, c.ID)
		listed, _, err := s.List(t.Context(), conversation.ListOptions{UserKey: key.UserKey})
		must(t, err)
		equal(t, "list of "+name, len(listed), 1)
	}
	// A boundary between two parts cannot be moved.
	a, b := base, base
	a.ChatID, a.ThreadID = "ab", "c"
	b.ChatID, b.ThreadID = "a", "bc"
	ca, err := s.GetOrCreate(t.Context(), a)
	must(t, err)
	cb, err := s.GetOrCreate(t.Context(), b)
	must(t, err)
	if ca.ID == cb.ID {
		t.Error(`chat "ab" thread "c" and chat "a" thread "bc" are one`)
	}
}

func badKeys(t *testing.T, s Store) {
	long := strings.Repeat("é", 256)
	for name, change := range map[string]func(*conversation.Key){
		"no user key":     func(k *conversation.Key) { k.UserKey = "" },
		"long platform":   func(k *conversation.Key) { k.Platform = strings.Repeat("p", 51) },
		"long chat":       func(k *conversation.Key) { k.ChatID = long },
		"long tenant":     func(k *conversation.Key) { k.Tenant = long },
		"long thread":     func(k *conversation.Key) { k.ThreadID = long },
		"long sender":     func(k *conversation.Key) { k.UserKey = "a:private:" + long },
		"NUL":             func(k *conversation.Key) { k.ChatID = "a\x00b" },
		"not UTF-8":       func(k *conversation.Key) { k.UserKey = "a:private:\xff" },
		"very long parts": func(k *conversation.Key) { k.UserKey = strings.Repeat("a:", 600) },
	} {
		key := keyOf(t)
		change(&key)
		_, err := s.GetOrCreate(t.Context(), key)
		if wantErr(t, err, conversation.ErrInvalid); err == nil {
			t.Error(name, "was accepted")
		}
		_, err = s.Find(t.Context(), key)
		wantErr(t, err, conversation.ErrInvalid)
	}
	limit := strings.Repeat("é", 255)
	key := conversation.Key{
		UserKey: "x:private:" + strings.Repeat("%3A", 255), Platform: strings.Repeat("é", 50),
		ChatID: limit, Tenant: limit, ThreadID: limit,
	}
	c, err := s.GetOrCreate(t.Context(), key)
	must(t, err)
	equal(t, "the longest key", c.Key(), key)
}

func find(t *testing.T, s Store) {
	key := keyOf(t)
	_, err := s.Find(t.Context(), key)
	wantErr(t, err, conversation.ErrNotFound)
	c := fresh(t, s)
	found, err := s.Find(t.Context(), key)
	must(t, err)
	equal(t, "found", found, c)
}

func byUser(t *testing.T, s Store) {
	key := keyOf(t)
	_, err := s.GetConversationByUser(t.Context(), key.UserKey)
	wantErr(t, err, conversation.ErrNotFound)
	first := fresh(t, s)
	key.ChatID = "another"
	second, err := s.GetOrCreate(t.Context(), key)
	must(t, err)
	say(t, s, first.ID, "u")
	got, err := s.GetConversationByUser(t.Context(), key.UserKey)
	must(t, err)
	equal(t, "latest", got.ID, first.ID)
	say(t, s, second.ID, "u")
	got, err = s.GetConversationByUser(t.Context(), key.UserKey)
	must(t, err)
	equal(t, "latest", got.ID, second.ID)
}

func settings(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	for range 2 { // the same value twice is no error
		must(t, s.SetModel(ctx, c.ID, "openai:gpt-4o"))
		must(t, s.SetPersona(ctx, c.ID, "pirate"))
		must(t, s.SetSummary(ctx, c.ID, "a 'summary' \\ with ? \x00and emoji 🦜"))
		must(t, s.UpdateStats(ctx, c.ID, 7))
		must(t, s.UpdateStats(ctx, c.ID, 0))
	}
	wantErr(t, s.UpdateStats(ctx, c.ID, -1), conversation.ErrInvalid)
	wantErr(t, s.SetModel(ctx, c.ID, strings.Repeat("m", 256)), conversation.ErrInvalid)
	got, err := s.Get(ctx, c.ID)
	must(t, err)
	if got.Model != "openai:gpt-4o" || got.Persona != "pirate" || got.Summary != "a 'summary' \\ with ? and emoji 🦜" {
		t.Errorf("%+v", got)
	}
	equal(t, "tokens", got.TotalTokens, int64(14))
	equal(t, "messages", got.MessageCount, int64(0))
}

func unknownIDs(t *testing.T, s Store) {
	ctx := t.Context()
	const id = 1 << 40
	_, err := s.Get(ctx, id)
	wantErr(t, err, conversation.ErrNotFound)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(id)) {
		t.Errorf("%v does not name the id", err)
	}
	_, err = s.SaveMessage(ctx, id, conversation.Message{Role: conversation.RoleUser})
	wantErr(t, err, conversation.ErrNotFound)
	_, err = s.LoadHistory(ctx, id, conversation.HistoryOptions{})
	wantErr(t, err, conversation.ErrNotFound)
	_, err = s.Recent(ctx, id, 1, 500)
	wantErr(t, err, conversation.ErrNotFound)
	_, _, err = s.Messages(ctx, id, 0, "")
	wantErr(t, err, conversation.ErrNotFound)
	_, err = s.Export(ctx, id)
	wantErr(t, err, conversation.ErrNotFound)
	_, err = s.Session(ctx, id)
	wantErr(t, err, conversation.ErrNotFound)
	for _, err := range []error{
		s.UpdateStats(ctx, id, 1), s.SetModel(ctx, id, "m"), s.SetPersona(ctx, id, "p"), s.SetSummary(ctx, id, "s"),
		s.Clear(ctx, id), s.Delete(ctx, id),
	} {
		wantErr(t, err, conversation.ErrNotFound)
	}
}
