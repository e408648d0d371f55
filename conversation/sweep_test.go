package conversation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

func manager(t *testing.T, db *database.DB) *PersistentConversationManager {
	t.Helper()
	m, err := New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func count(t *testing.T, db *database.DB, query string) (n int64) {
	t.Helper()
	if err := db.Read().NewRaw(query).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func messages(n int, at time.Time) []Message {
	msgs := make([]Message, n)
	for i := range msgs {
		msgs[i] = Message{Role: RoleUser, Content: "x", Tokens: 2, Timestamp: at.Add(time.Duration(i) * time.Second)}
	}
	return msgs
}

// A process dies in the middle of an import: nobody sees anything of it, and
// the sweep removes its rows and takes its tokens back, but not those of an
// import that is running.
func TestSweepAfterCrash(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		m, ctx := manager(t, db), t.Context()
		key := Key{UserKey: "generic:private:alice"}
		in, err := m.check(Archive{Conversation: Conversation{UserKey: key.UserKey}, Messages: messages(700, time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		id, err := m.fill(ctx, in, true) // and no publish
		if err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"Get": second(m.Get(ctx, id)), "Find": second(m.Find(ctx, key)), "Export": second(m.Export(ctx, id)),
			"LoadHistory": second(m.LoadHistory(ctx, id, HistoryOptions{})), "ByUser": second(m.GetConversationByUser(ctx, key.UserKey)),
			"Delete": m.Delete(ctx, id), "Clear": m.Clear(ctx, id), "SaveMessage": second(m.SaveMessage(ctx, id, Message{Role: RoleUser})),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s of a hidden conversation: %v", name, err)
			}
		}
		if s, err := m.Stats(ctx); err != nil || s != (Stats{}) {
			t.Errorf("stats %+v, %v", s, err)
		}
		if n, err := m.Sweep(ctx); err != nil || n != 0 {
			t.Errorf("swept %d, %v of a running import", n, err)
		}
		age(t, db, id)
		if n, err := m.Sweep(ctx); err != nil || n != 1 {
			t.Errorf("swept %d, %v", n, err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM messages`) + count(t, db, `SELECT COUNT(*) FROM conversations`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if used, err := m.TokensUsed(ctx, key.UserKey, time.Time{}); err != nil || used != 0 {
			t.Errorf("%d tokens, %v", used, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// age makes a hidden conversation look abandoned.
func age(t *testing.T, db *database.DB, id int64) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		_, err := tx.NewRaw(`UPDATE conversations SET last_activity = ? WHERE id = ?`, db.Now().Add(-2*orphanAge), id).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A process dies between hiding a conversation and removing its rows, and a
// long conversation is cleared in somebody else's commit.
func TestSweepDeletedAndCleared(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		m, ctx := manager(t, db), t.Context()
		var ids []int64
		for i := range 2 {
			c, err := m.Import(ctx, Archive{
				Conversation: Conversation{UserKey: fmt.Sprint("generic:private:", i)}, Messages: messages(900, time.Now()),
			}, ImportNew)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, c.ID)
		}
		err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			if err := m.hide(ctx, tx, ids[0], `visible = 1`); err != nil {
				return err
			}
			return m.ClearTx(ctx, tx, ids[1])
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM messages`); n != 1800-sliceRows {
			t.Errorf("%d rows: the commit was not small", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM conversations WHERE user_key LIKE 'generic%'`); n != 1 {
			t.Errorf("%d rows still say whose they are", n)
		}
		if a, err := m.Export(ctx, ids[1]); err != nil || len(a.Messages) != 0 {
			t.Errorf("cleared: %d messages, %v", len(a.Messages), err)
		}
		age(t, db, ids[0])
		if n, err := m.Sweep(ctx); err != nil || n != 2 {
			t.Errorf("swept %d, %v", n, err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM messages`); n != 0 {
			t.Errorf("%d messages are left", n)
		}
		for i := range 2 {
			if used, err := m.TokensUsed(ctx, fmt.Sprint("generic:private:", i), time.Time{}); err != nil || used != 1800 {
				t.Errorf("%d tokens, %v: what was used is given back", used, err)
			}
		}
	})
}

func TestCompactLedger(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		m, ctx := manager(t, db), t.Context()
		c, err := m.GetOrCreate(ctx, Key{UserKey: "generic:private:alice"})
		if err != nil {
			t.Fatal(err)
		}
		today := time.Now().UTC().Truncate(24 * time.Hour)
		before := time.Date(1965, 1, 1, 1, 1, 1, 0, time.UTC)
		for _, at := range []time.Time{today.AddDate(0, 0, -100), today.AddDate(0, 0, -99), today.AddDate(0, 0, -1), before} {
			for _, msg := range messages(10, at) {
				if _, err := m.SaveMessage(ctx, c.ID, msg); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 2 {
			if err := m.tokens.Compact(ctx); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, `SELECT COUNT(*) FROM token_ledger`); n != 22 {
				t.Errorf("%d entries, want one for each old day and ten recent, ten before 1970", n)
			}
		}
		for since, want := range map[time.Time]int64{
			before: 80, today.AddDate(0, 0, -100): 60, today.AddDate(0, 0, -99): 40, today.AddDate(0, 0, -98): 20,
			today.AddDate(0, 0, -1).Add(5 * time.Second): 10, today: 0,
		} {
			if got, err := m.TokensUsed(ctx, c.UserKey, since); err != nil || got != want {
				t.Errorf("since %v: %d, %v, want %d", since, got, err, want)
			}
		}
	})
}

// The file gets smaller, and an unrelated file of another program stays usable.
func TestVacuumGivesSpaceBack(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	m, ctx := manager(t, db), t.Context()
	msgs := messages(2000, time.Now())
	for i := range msgs {
		msgs[i].Content = string(bytes.Repeat([]byte("x"), 2000))
	}
	c, err := m.Import(ctx, Archive{Conversation: Conversation{UserKey: "a"}, Messages: msgs}, ImportNew)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Delete(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	if free, err := m.freePages(ctx); err != nil || free < 900 {
		t.Fatalf("%d free pages, %v", free, err)
	}
	if err := m.Vacuum(ctx); err != nil {
		t.Fatal(err)
	}
	if free, err := m.freePages(ctx); err != nil || free != 0 {
		t.Errorf("%d free pages, %v", free, err)
	}
	release, err := db.LockFile() // a server uses the file
	if err != nil {
		t.Fatal(err)
	}
	if err := m.VacuumFull(ctx); !errors.Is(err, database.ErrInUse) {
		t.Errorf("VacuumFull beside a server: %v", err)
	}
	release()
	if err := m.VacuumFull(ctx); err != nil {
		t.Error(err)
	}
}
