package memory_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

var words = []string{
	"office", "wifi", "password", "garden", "window", "server", "coffee", "meeting", "report", "invoice",
	"customer", "holiday", "budget", "project", "release", "ticket", "printer", "kitchen", "parking", "badge",
}

// fill restores n facts of the place: keys of three words, values of about 100 bytes.
func fill(tb testing.TB, s *memory.Store, at memory.Place, n int) {
	tb.Helper()
	records := make([]json.RawMessage, n)
	for i := range records {
		w := func(k int) string { return words[(i/k+i)%len(words)] }
		key := fmt.Sprintf("%s %s %d", w(1), w(7), i)
		value := fmt.Sprintf("the %s of the %s is behind the %s, ask for the %s; 编号%d在%d楼会议室旁边 and so on and on", w(3), w(11), w(13), w(17), i, i%40)
		records[i] = json.RawMessage(fmt.Sprintf(`{"place":"%x","fact":"%x","remembered_at":%d,"fact_key":%q,"value":%q,"author":null}`,
			at.Hash(), database.Hash("fact", key), 1_800_000_000_000_000+i, key, value))
	}
	for _, part := range s.Parts() {
		if part.Title() != "facts" {
			continue
		}
		for some := range slices.Chunk(records, 1000) {
			if err := part.Add(tb.Context(), some); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// BenchmarkSearch looks through 10,000 facts of one chat beside as many of another.
func BenchmarkSearch(b *testing.B) {
	db := dbtest.New(b)
	s := memory.New(db)
	at := memory.Place{Platform: "generic", Group: true, ID: "room"}
	fill(b, s, at, memory.MaxFacts)
	fill(b, s, memory.Place{Platform: "generic", Group: true, ID: "other"}, memory.MaxFacts)
	for _, text := range []string{"wifi", "coffee garden 777", "会议室旁边", "the office password of the wifi", "nothing at all like it"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.SearchFacts(b.Context(), at, text, 20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
