package tokens_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation/tokens"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

const day = 24 * time.Hour

// entry is what a user has used some time ago.
func entry(user string, ago time.Duration, n int64) tokens.Entry {
	return tokens.Entry{User: tokens.Hash(user), At: time.Now().Add(-ago).UnixMicro(), Tokens: n}
}

func add(t *testing.T, db *database.DB, list ...tokens.Entry) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return tokens.New(db).AddTx(ctx, tx, list) })
	if err != nil {
		t.Fatal(err)
	}
}

func wantUsed(t *testing.T, db *database.DB, user string, since time.Time, want int64) {
	t.Helper()
	if n, err := tokens.New(db).Used(t.Context(), user, since); n != want || err != nil {
		t.Errorf("%s since %v: %d, %v, want %d", user, since, n, err, want)
	}
}

func rows(t *testing.T, db *database.DB) int64 {
	t.Helper()
	n, err := tokens.New(db).Part().Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Tokens are those of one user key, letter for letter, from a moment on, and what
// comes at one moment adds up.
func TestUsed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		at := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
		moment := func(user string, by time.Duration, n int64) tokens.Entry {
			return tokens.Entry{User: tokens.Hash(user), At: at.Add(by).UnixMicro(), Tokens: n}
		}
		add(t, db, moment("alice", 0, 5), moment("Alice", 0, 100), moment("alice", time.Microsecond, 7), moment("alice", 0, 1))
		add(t, db, moment("alice", 0, 10), moment("alice", -time.Microsecond, 1000))
		add(t, db)
		wantUsed(t, db, "alice", time.Unix(0, 0), 1023)
		wantUsed(t, db, "alice", at, 23)
		wantUsed(t, db, "alice", at.Add(time.Microsecond), 7)
		wantUsed(t, db, "alice", at.Add(time.Second), 0)
		wantUsed(t, db, "Alice", at, 100)
		wantUsed(t, db, "alice ", time.Unix(0, 0), 0)
		add(t, db, moment("alice", 0, -16)) // an import takes back what it has counted
		wantUsed(t, db, "alice", at, 7)
		if n := rows(t, db); n != 4 {
			t.Errorf("%d rows", n)
		}
	})
}

// Whoever adds to the same rows at the same time, in whatever order, waits for
// nobody for ever, and a commit that fails counts nothing.
func TestAddedTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		at, failed := time.Now().UnixMicro(), errors.New("failed")
		var writers sync.WaitGroup
		for i := range 20 {
			writers.Go(func() {
				list := []tokens.Entry{{User: tokens.Hash("a"), At: at, Tokens: 1}, {User: tokens.Hash("b"), At: at, Tokens: 1}}
				if i%2 == 0 {
					list[0], list[1] = list[1], list[0]
				}
				err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
					err := tokens.New(db).AddTx(ctx, tx, list)
					if err == nil && i%5 == 0 {
						err = failed
					}
					return err
				})
				if i%5 == 0 != errors.Is(err, failed) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		writers.Wait()
		for _, user := range []string{"a", "b"} {
			wantUsed(t, db, user, time.Unix(0, 0), 16)
		}
	})
}

// What is older than 62 days is kept by the day, and nothing of it is lost.
func TestCompact(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		now := time.Now()
		noon := now.UTC().Truncate(day).Add(-100*day + day/2)
		var list []tokens.Entry
		for i := range 20 {
			list = append(list,
				tokens.Entry{User: tokens.Hash("alice"), At: noon.Add(time.Duration(i) * time.Minute).UnixMicro(), Tokens: 2},
				tokens.Entry{User: tokens.Hash("alice"), At: noon.Add(time.Duration(i)*time.Minute - day).UnixMicro(), Tokens: 3},
				tokens.Entry{User: tokens.Hash("bob"), At: noon.Add(time.Duration(i) * time.Minute).UnixMicro(), Tokens: 5},
				tokens.Entry{User: tokens.Hash("alice"), At: now.Add(-61*day - time.Duration(i)*time.Minute).UnixMicro(), Tokens: 7})
		}
		add(t, db, list...)
		l := tokens.New(db)
		for range 2 {
			if err := l.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := rows(t, db); n != 3+20 {
				t.Errorf("%d rows", n)
			}
			wantUsed(t, db, "alice", time.Unix(0, 0), 20*(2+3+7))
			wantUsed(t, db, "bob", time.Unix(0, 0), 100)
			wantUsed(t, db, "alice", noon.Truncate(day), 20*(2+7)) // from the start of the day on
			wantUsed(t, db, "alice", noon, 20*7)
			wantUsed(t, db, "alice", now.Add(-61*day-10*time.Minute-30*time.Second), 11*7) // to the moment
		}
		add(t, db, tokens.Entry{User: tokens.Hash("bob"), At: noon.UnixMicro(), Tokens: 1}) // as an import may
		if err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantUsed(t, db, "bob", noon.Truncate(day), 101)
		if n := rows(t, db); n != 3+20 {
			t.Errorf("%d rows", n)
		}
	})
}

// A day of more entries than one commit takes becomes one row all the same, and
// more than one commit takes is erased.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	start := time.Now().UTC().Truncate(day).Add(-90 * day)
	list := make([]tokens.Entry, 2500)
	for i := range list {
		list[i] = tokens.Entry{User: tokens.Hash("alice"), At: start.Add(time.Duration(i+1) * time.Second).UnixMicro(), Tokens: 1}
	}
	add(t, db, list...)
	l := tokens.New(db)
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
	wantUsed(t, db, "alice", start, 2500)
	for i := range list {
		list[i].At = time.Now().Add(-time.Duration(i) * time.Second).UnixMicro()
	}
	add(t, db, list...)
	if err := l.Erase(t.Context(), [][]byte{tokens.Hash("alice")}, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// Only what is theirs and was before is erased.
func TestErase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		add(t, db, entry("alice", time.Hour, 1), entry("alice", 100*day, 10), entry("alice", 0, 100), entry("Alice", time.Hour, 2), entry("bob", time.Hour, 4))
		err := tokens.New(db).Erase(t.Context(), [][]byte{tokens.Hash("alice"), tokens.Hash("bob"), tokens.Hash("nobody")}, time.Now().Add(-time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for user, want := range map[string]int64{"alice": 100, "Alice": 2, "bob": 0} {
			wantUsed(t, db, user, time.Unix(0, 0), want)
		}
	})
}

// Whatever was added up meanwhile, here or where the backup was made, a restore
// counts nothing twice and loses nothing.
func TestTokensInBackups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := tokens.New(db)
		noon := time.Now().UTC().Truncate(day).Add(-100*day + day/2)
		old := []tokens.Entry{
			{User: tokens.Hash("alice"), At: noon.UnixMicro(), Tokens: 1},
			{User: tokens.Hash("alice"), At: noon.Add(time.Hour).UnixMicro(), Tokens: 2},
			entry("alice", time.Hour, 4),
		}
		single := make([]json.RawMessage, len(old)) // as a backup has them that was made while they were new
		for i, e := range old {
			text, err := json.Marshal(map[string]any{"user_hash": hex.EncodeToString(e.User), "at": e.At, "tokens": e.Tokens})
			if err != nil {
				t.Fatal(err)
			}
			single[i] = text
		}
		restore := func(what string, records []json.RawMessage) {
			t.Helper()
			if err := l.Part().Add(t.Context(), records); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			wantUsed(t, db, "alice", time.Unix(0, 0), 7)
		}
		restore("into an empty database", single)
		restore("again, before anything was added up", single)
		var summed []json.RawMessage
		err := l.Part().Each(t.Context(), func(record []byte) error { summed = append(summed, bytes.Clone(record)); return nil })
		if err != nil || len(summed) != 2 {
			t.Fatalf("a backup of %d records, %v", len(summed), err)
		}
		restore("what was added up", summed)
		restore("what had not been", single)
		if err := l.Part().Empty(t.Context()); err != nil {
			t.Fatal(err)
		}
		restore("into an empty database once more", summed)
		restore("beside it", single)
		if err := l.Part().Add(t.Context(), []json.RawMessage{json.RawMessage(`{"user_hash":7}`)}); err == nil {
			t.Error("a damaged record is taken")
		}
	})
}
