package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

var words = []string{
	"office", "wifi", "password", "garden", "window", "server", "coffee", "meeting", "report", "invoice",
	"customer", "holiday", "budget", "project", "release", "ticket", "printer", "kitchen", "parking", "badge",
}

// fill remembers n facts in the place: keys of three words, values of about 100 bytes.
func fill(tb testing.TB, db *database.DB, s *memory.Store, at memory.Place, n int) {
	tb.Helper()
	alice := memory.Person{Tenant: at.Tenant, Platform: at.Platform, SenderID: "alice"}
	now := time.Now()
	for start := 0; start < n; start += 500 {
		err := db.Write(context.Background(), func(ctx context.Context, tx database.Tx) error {
			changes := make([]memory.Change, 0, 500)
			for i := start; i < min(start+500, n); i++ {
				w := func(k int) string { return words[(i/k+i)%len(words)] }
				changes = append(changes, memory.Remember{
					Place: at, Author: alice, Key: fmt.Sprintf("%s %s %d", w(1), w(7), i),
					Value: fmt.Sprintf("the %s of the %s is behind the %s, ask for the %s; 编号%d在%d楼会议室旁边 and so on and on", w(3), w(11), w(13), w(17), i, i%40),
				})
			}
			_, err := s.Apply(ctx, tx, memory.Effect{ID: fmt.Sprint(at.ID, start), At: now.Add(time.Duration(start))}, changes...)
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkSearch looks through 10,000 facts of one chat beside as many of another.
func BenchmarkSearch(b *testing.B) {
	db := dbtest.New(b)
	s, err := memory.New(b.Context(), db)
	if err != nil {
		b.Fatal(err)
	}
	at := memory.Place{Platform: "generic", Group: true, ID: "room"}
	fill(b, db, s, at, memory.MaxFacts)
	fill(b, db, s, memory.Place{Platform: "generic", Group: true, ID: "other"}, memory.MaxFacts)
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
