package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
)

// hits counts the words in every file beside the database's.
func hits(t *testing.T, path string, words ...string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			n += bytes.Count(text, []byte(word))
		}
	}
	return n
}

// Rows that were moved from page to page before they were deleted are nowhere
// in the files, and the others are all there.
func TestScrub(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := database.Open(t.Context(), database.Options{URL: "sqlite:///" + path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	write := func(fn func(run func(string, ...any))) {
		t.Helper()
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			var failed error
			fn(func(statement string, args ...any) {
				_, err := db.Exec(ctx, tx, statement, args...)
				failed = errors.Join(failed, err)
			})
			return failed
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(func(run func(string, ...any)) {
		run("CREATE TABLE one (c INTEGER, id INTEGER, text TEXT, PRIMARY KEY (c, id)) WITHOUT ROWID")
		run("CREATE TABLE two (id INTEGER PRIMARY KEY, c INTEGER, text TEXT, steps TEXT)")
		run("CREATE INDEX words ON two (text)")
	})
	r := rand.New(rand.NewPCG(1, 2)) // the same each time
	const conversations, doomed = 60, 10
	for round := range 40 {
		write(func(run func(string, ...any)) {
			for i := range 100 {
				c, id := r.IntN(conversations), round*100+i
				text := fmt.Sprintf("MARKED%d-", c) + strings.Repeat("y", r.IntN(600))
				if r.IntN(50) == 0 {
					text += strings.Repeat(fmt.Sprintf("MARKED%d-", c), 1000)
				}
				run("INSERT INTO one VALUES (?, ?, ?)", c, id, text)
				run("INSERT INTO two VALUES (?, ?, ?, '')", id, c, text)
				run("UPDATE two SET steps = steps || ? WHERE id = ?", strings.Repeat("z", 90), r.IntN(id+1))
			}
		})
	}
	var gone []string
	for c := range doomed {
		gone = append(gone, fmt.Sprintf("MARKED%d-", c))
	}
	if hits(t, path, gone...) == 0 {
		t.Fatal("the words are not in the files: the test would prove nothing")
	}
	write(func(run func(string, ...any)) {
		run("DELETE FROM one WHERE c < ?", doomed)
		run("UPDATE two SET text = '' WHERE c < ?", doomed)
	})
	var before, after [2]string
	sum := func(to *[2]string) {
		t.Helper()
		for i, table := range []string{"one", "two"} {
			err := db.QueryRow(t.Context(), db.Read(), []any{&to[i]},
				"SELECT COUNT(*) || ' ' || COALESCE(SUM(id * LENGTH(text)), 0) FROM "+table+" WHERE id >= ?", 0)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	sum(&before)
	// Somebody who still reads the old state keeps it, and nobody waits for them.
	err = db.SlowSnapshot(t.Context(), func(from database.Reader) error {
		var n int
		if err := db.QueryRow(t.Context(), from, []any{&n}, "SELECT COUNT(*) FROM two WHERE id >= ?", 0); err != nil {
			return err
		}
		write(func(run func(string, ...any)) { run("UPDATE two SET steps = 'x' WHERE id = ?", 1) })
		if err := db.Scrub(t.Context()); !errors.Is(err, database.ErrBusy) {
			t.Errorf("beside a reader: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := hits(t, path, gone...); n != 0 {
		t.Errorf("%d hits after it, while the database is open", n)
	}
	sum(&after)
	if after != before {
		t.Errorf("the rest was %v and is %v", before, after)
	}
	var sound string
	if err := db.Maintenance().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		t.Errorf("%s, %v", sound, err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if n := hits(t, path, gone...); n != 0 {
		t.Errorf("%d hits after the end", n)
	}
	if left, _ := filepath.Glob(path + "-wal"); len(left) != 0 {
		t.Error("the log is still there after the end")
	}
}
