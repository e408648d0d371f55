package usage_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

func TestCounts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		today := time.Now().UTC().Truncate(24 * time.Hour)
		alice := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
		spend := func(day time.Time, n int64, p memory.Person, chat string) {
			t.Helper()
			write(t, db, func(ctx context.Context, tx database.Tx) error { return l.SpendTx(ctx, tx, day, n, p, chat) })
		}
		spend(today, 10, alice, "D1")
		spend(today, 20, alice, "C1")
		spend(today.AddDate(0, 0, -1), 100, alice, "C1")
		spend(today.AddDate(0, 0, -100), 1000, alice, "C1")
		spend(today.AddDate(0, 0, -101), 2000, alice, "C1")
		others := []memory.Person{
			{Tenant: "T2", Platform: "slack", SenderID: "U1"},
			{Tenant: "T1", Platform: "feishu", SenderID: "U1"},
			{Platform: "slack", SenderID: "U1"},
			{Tenant: "T1", Platform: "slack", SenderID: "u1"},
		}
		check := func(when string) {
			t.Helper()
			for since, want := range map[time.Time]int64{today: 30, today.AddDate(0, 0, -1): 130, today.AddDate(0, 0, -30): 130, time.Unix(0, 0): 3130, {}: 3130} {
				if n, err := l.Person(t.Context(), alice, since); err != nil || n != want {
					t.Errorf("%s: alice since %v: %d, %v, want %d", when, since, n, err, want)
				}
			}
			for chat, want := range map[string]int64{"D1": 10, "C1": 3120, "C2": 0} {
				if n, err := l.Chat(t.Context(), alice.Realm(), chat, time.Unix(0, 0)); err != nil || n != want {
					t.Errorf("%s: %s: %d, %v, want %d", when, chat, n, err, want)
				}
			}
			for _, p := range others {
				if n, err := l.Person(t.Context(), p, time.Unix(0, 0)); err != nil || n != 0 {
					t.Errorf("%s: %+v has %d, %v", when, p, n, err)
				}
			}
		}
		check("counted")
		for range 2 {
			if err := l.Fold(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			check("folded")
		}
		var rows int
		if err := db.Read().NewRaw("SELECT COUNT(*) FROM budget_counts").Scan(t.Context(), &rows); err != nil || rows != 7 {
			t.Errorf("%d rows, %v", rows, err)
		}
		if err := l.EraseCounts(t.Context(), usage.PersonKeys(alice), today); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Person(t.Context(), alice, time.Unix(0, 0)); err != nil || n != 30 {
			t.Errorf("after the erasure: %d, %v", n, err)
		}
	})
}

// What an earlier version has counted by user key counts on, for both kinds of
// chats together.
func TestCountsOfEarlierVersions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		now := time.Now().UTC()
		for key, n := range map[string]int64{"generic:private:a%3Ab": 5, "generic:group:a%3Ab": 7} {
			write(t, db, func(ctx context.Context, tx database.Tx) error {
				_, err := tx.NewRaw("INSERT INTO budget_counts (who, at, tokens) VALUES (?, ?, ?)", conversation.TokenHash(key), now.UnixMicro(), n).Exec(ctx)
				return err
			})
		}
		if n, err := l.Person(t.Context(), memory.Person{Platform: "generic", SenderID: "a:b"}, now.Add(-time.Hour)); err != nil || n != 12 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func write(t *testing.T, db *database.DB, fn func(context.Context, database.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}
