package usage_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation/tokens"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

// inChat returns the tokens that are counted for a chat.
func inChat(t *testing.T, db *database.DB, r memory.Realm, chatID string) (n int64) {
	t.Helper()
	err := db.QueryRow(t.Context(), db.Read(), []any{&n}, "SELECT COALESCE(SUM(tokens), 0) FROM budget_counts WHERE who = ?", usage.ChatKey(r, chatID))
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestCounts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		today := time.Now().UTC().Truncate(24 * time.Hour)
		alice := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
		spend := func(day time.Time, n int64, p memory.Person, chat string) {
			t.Helper()
			write(t, db, func(ctx context.Context, tx database.Tx) error {
				return l.SpendTx(ctx, tx, day, call(n, 0, nil), p, chat)
			})
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
				if n := inChat(t, db, alice.Realm(), chat); n != want {
					t.Errorf("%s: %s: %d, want %d", when, chat, n, want)
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
				_, err := tx.NewRaw("INSERT INTO budget_counts (who, at, tokens) VALUES (?, ?, ?)", tokens.Hash(key), now.UnixMicro(), n).Exec(ctx)
				return err
			})
		}
		if n, err := l.Person(t.Context(), memory.Person{Platform: "generic", SenderID: "a:b"}, now.Add(-time.Hour)); err != nil || n != 12 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func call(prompt, cached int64, cost *int64) *ai.Response {
	return &ai.Response{Usage: ai.Usage{PromptTokens: prompt, CachedTokens: cached}, Cost: cost}
}

// A person's bill is over all chats; what is not known of one call is not known of
// all, be they summed up by the day, or as what is old.
func TestBills(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		today := time.Now().UTC().Truncate(24 * time.Hour)
		ann := memory.Person{Platform: "slack", SenderID: "U1"}
		spend := func(day time.Time, chat string, c *ai.Response) {
			t.Helper()
			write(t, db, func(ctx context.Context, tx database.Tx) error { return l.SpendTx(ctx, tx, day, c, ann, chat) })
		}
		want := func(what string, since time.Time, tokens int64, cached *int64, cost *float64) {
			t.Helper()
			b, err := l.BillOf(t.Context(), ann, since)
			if want := (usage.Bill{Tokens: tokens, Cached: cached, Cost: cost}); err != nil || !reflect.DeepEqual(b, want) {
				t.Errorf("%s: %+v, %v", what, b, err)
			}
		}
		old := today.AddDate(0, 0, -100)
		spend(today, "C1", call(100, 60, new(int64(1_500_000_000))))
		spend(today, "C2", call(50, 0, new(int64(1))))
		spend(old, "C1", call(1000, 1, new(int64(1))))
		spend(old.AddDate(0, 0, -1), "C1", call(1000, 1, new(int64(0))))
		for range 2 {
			want("today", today, 150, new(int64(60)), new(1.500000001))
			want("all", time.Unix(0, 0), 2150, new(int64(62)), new(1.500000002))
			if err := l.Fold(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		write(t, db, func(ctx context.Context, tx database.Tx) error { // as an earlier version has counted
			_, err := tx.NewRaw("INSERT INTO budget_counts (who, at, tokens) VALUES (?, ?, 5)", usage.PersonKeys(ann)[0], old.UnixMicro()).Exec(ctx)
			return err
		})
		for range 2 {
			want("since the upgrade", today, 150, new(int64(60)), new(1.500000001))
			want("with what was before", time.Unix(0, 0), 2155, nil, nil)
			if err := l.Fold(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		spend(today, "C1", call(10, 0, nil))
		want("without a price", today, 160, new(int64(60)), nil)
		bob := memory.Person{Platform: "slack", SenderID: "U2"}
		if b, err := l.BillOf(t.Context(), bob, today); err != nil || b.Tokens != 0 {
			t.Errorf("nobody's: %+v, %v", b, err)
		}
	})
}

func write(t *testing.T, db *database.DB, fn func(context.Context, database.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}
