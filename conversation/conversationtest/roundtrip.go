package conversationtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/archive"
)

// everyZone imports one moment as each offset from UTC writes it.
func everyZone(t *testing.T, s Store) {
	t.Helper()
	at := time.Date(2025, 1, 8, 10, 0, 0, 123456000, time.UTC)
	var msgs []string
	for minutes := -14 * 60; minutes <= 14*60; minutes += 15 {
		zone := time.FixedZone("", minutes*60)
		msgs = append(msgs, fmt.Sprintf(`{"role":"user","content":"%d","timestamp":%q}`, minutes, at.In(zone).Format(time.RFC3339Nano)))
	}
	for _, text := range []string{"2025-01-08T10:00:00.123456", "2025-01-08 10:00:00.123456", "2025-01-08 12:00:00.123456+02:00", "2025-01-08T10:00:00.1234569Z"} {
		msgs = append(msgs, fmt.Sprintf(`{"role":"user","content":%q,"timestamp":%q}`, text, text))
	}
	a, err := archive.Read(strings.NewReader(
		`{"conversation":{"user_key":"` + keyOf(t).UserKey + `"},"messages":[` + strings.Join(msgs, ",") + `]}`))
	must(t, err)
	c, err := s.Import(t.Context(), *a, conversation.ImportNew)
	must(t, err)
	for _, m := range all(t, s, c.ID) {
		if !m.Timestamp.Equal(at) || m.Timestamp.Location() != time.UTC {
			t.Errorf("%s: %v, want %v", m.Content, m.Timestamp, at)
		}
	}
	equal(t, "active", c.LastActivity, at)
}

// anythingRoundTrips saves what people, models and programs may come up with,
// and takes it through export, import and export again.
func anythingRoundTrips(t *testing.T, s Store) {
	t.Helper()
	const seed = 20261120
	r := rand.New(rand.NewPCG(seed, seed))
	for n := range 12 {
		key := keyOf(t)
		key.ChatID, key.ThreadID, key.Tenant = anyText(r, 20), anyText(r, 20), anyText(r, 20)
		c, err := s.GetOrCreate(t.Context(), key)
		must(t, err)
		for range r.IntN(30) {
			_, err := s.SaveMessage(t.Context(), c.ID, anyMessage(r))
			must(t, err)
		}
		must(t, s.SetSummary(t.Context(), c.ID, anyText(r, 200)))
		first := exported(t, s, c.ID)
		must(t, s.Delete(t.Context(), c.ID))
		a, err := archive.Read(strings.NewReader(first))
		must(t, err)
		c, err = s.ImportFrom(t.Context(), strings.NewReader(first), int64(len(first)), conversation.ImportNew, nil)
		must(t, err)
		again, err := archive.Read(strings.NewReader(exported(t, s, c.ID)))
		must(t, err)
		if got, want := withoutIDs(*again), withoutIDs(*a); got != want {
			t.Errorf("round %d of seed %d:\n got %.2000s\nwant %.2000s", n, seed, got, want)
		}
		if strings.Contains(first, `\u0000`) {
			t.Errorf("round %d: a NUL was kept", n)
		}
	}
}

func exported(t *testing.T, s Store, id int64) string {
	t.Helper()
	var b strings.Builder
	must(t, s.ExportTo(t.Context(), id, &b))
	return b.String()
}

func anyMessage(r *rand.Rand) conversation.Message {
	m := conversation.Message{
		Role:    []conversation.Role{conversation.RoleUser, conversation.RoleAssistant, conversation.RoleSystem, conversation.RoleTool}[r.IntN(4)],
		Content: anyText(r, 400) + strings.Repeat("\x00", r.IntN(2)), Author: anyText(r, 30), Tokens: r.Int64N(1 << 30),
		Timestamp: time.UnixMicro(r.Int64N(4e15)).In(time.FixedZone("", (r.IntN(28*4)-14*4)*900)),
	}
	if r.IntN(20) == 0 {
		m.Content = strings.Repeat(m.Content+"x", (1<<20)/(len(m.Content)+1)+1)
	}
	if r.IntN(2) == 0 {
		m.Metadata = map[string]any{anyText(r, 10): anyValue(r, 4)}
	}
	if m.Role == conversation.RoleAssistant && r.IntN(2) == 0 {
		m.Metadata = map[string]any{"tool_calls": []any{map[string]any{"id": "1", "type": "function", "function": map[string]any{
			"name": anyText(r, 10), "arguments": anyText(r, 50),
		}}}}
	}
	return m
}

// anyText returns up to n runes of the kinds that programs stumble over.
func anyText(r *rand.Rand, n int) string {
	kinds := []string{"abc XYZ", "éß", "日本語", "🦜👩‍👩‍👧‍👦🏳️‍🌈", "שלום \u202e\u202c", "مرحبا", "\t\r\n\"\\/'`;--%_<>&{}[]", "\u2028\ufeff\u0301\ufffd\u007f"}
	var b strings.Builder
	for range r.IntN(n + 1) {
		runes := []rune(kinds[r.IntN(len(kinds))])
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

func anyValue(r *rand.Rand, depth int) any {
	switch k := r.IntN(8); {
	case k == 0 && depth > 0:
		return []any{anyValue(r, depth-1), anyValue(r, depth-1)}
	case k <= 2 && depth > 0:
		return map[string]any{anyText(r, 5): anyValue(r, depth-1), "b": anyValue(r, depth-1)}
	case k == 3:
		return r.NormFloat64() * 1e10
	case k == 4:
		return json.Number("12345678901234567890")
	case k == 5:
		return r.IntN(2) == 0
	case k == 6:
		return nil
	}
	return anyText(r, 10)
}
