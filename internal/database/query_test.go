package database_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// numbers is a database with a table of numbers and their names.
func numbers(t *testing.T, engine database.Engine) *database.DB {
	t.Helper()
	db := dbtest.Open(t, dbtest.URL(t, engine))
	exec(t, db, "CREATE TABLE numbers (n BIGINT NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL)")
	for n := range int64(10) {
		exec(t, db, "INSERT INTO numbers (n, name) VALUES (?, ?)", n, fmt.Sprint("number ", n))
	}
	return db
}

func exec(t *testing.T, db *database.DB, query string, args ...any) (changed int64) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) (err error) {
		changed, err = db.Exec(ctx, tx, query, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return changed
}

func TestQueriesWithArguments(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := numbers(t, engine)
			for _, tt := range []struct {
				where string
				args  []any
				want  []int64
			}{
				{"n = ?", []any{4}, []int64{4}},
				{"n IN (?)", []any{[]int64{7}}, []int64{7}},
				{"n IN (?) AND n < ?", []any{[]int64{7, 2, 5}, 6}, []int64{2, 5}},
				{"n IN (?)", []any{[]int64{9, 8, 7, 6, 5}}, []int64{5, 6, 7, 8, 9}},
				{"n IN (?)", []any{[]int64{}}, nil},
				{"n > ? AND n IN (?) AND name <> ?", []any{1, []int64{1, 2, 3}, "number 3"}, []int64{2}},
				{"name IN (?)", []any{[]string{"number 3", "number 1", "none"}}, []int64{1, 3}},
				{"name = ?", []any{"what? a mark, and a quote '"}, nil},
			} {
				if got := find(t, db, tt.where, tt.args...); !slices.Equal(got, tt.want) {
					t.Errorf("%s with %v: %v, want %v", tt.where, tt.args, got, tt.want)
				}
			}
			var name string
			err := db.QueryRow(t.Context(), db.Read(), []any{&name}, "SELECT name FROM numbers WHERE n = ?", 3)
			if err != nil || name != "number 3" {
				t.Errorf("found %q, %v", name, err)
			}
			err = db.QueryRow(t.Context(), db.Read(), []any{&name}, "SELECT name FROM numbers WHERE n = ?", 11)
			if !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("a row that is not there: %v", err)
			}
			if n := exec(t, db, "DELETE FROM numbers WHERE n IN (?)", []int64{1, 2, 3, 44}); n != 3 {
				t.Errorf("deleted %d rows, want 3", n)
			}
		})
	}
}

func find(t *testing.T, db *database.DB, where string, args ...any) (found []int64) {
	t.Helper()
	err := db.Query(t.Context(), db.Read(), func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		found = append(found, n)
		return err
	}, "SELECT n FROM numbers WHERE "+where+" ORDER BY n", args...)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return found
}

// MariaDB takes 16 MiB in one statement, and each of these characters is two
// in its text.
func TestLongArgument(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, dbtest.URL(t, engine))
			text := map[database.Engine]string{database.MySQL: "LONGTEXT"}[engine]
			exec(t, db, "CREATE TABLE texts (n BIGINT NOT NULL PRIMARY KEY, content "+cmp.Or(text, "TEXT")+" NOT NULL)")
			want := strings.Repeat(`\'`, 5<<20)
			exec(t, db, "INSERT INTO texts (n, content) VALUES (?, ?)", 1, want)
			var got string
			err := db.QueryRow(t.Context(), db.Read(), []any{&got}, "SELECT content FROM texts WHERE n = ?", 1)
			if err != nil || got != want {
				t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
			}
		})
	}
}

// A connection keeps what it has parsed; nothing of one use shows in the next.
func TestKeptStatements(t *testing.T) {
	t.Parallel()
	const byNumber = "SELECT name FROM numbers WHERE n >= ? ORDER BY n"
	t.Run("used while its rows are read", func(t *testing.T) {
		t.Parallel()
		db := numbers(t, database.SQLite)
		var pairs []string
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return db.Query(ctx, tx, func(outer *sql.Rows) error {
				var a string
				if err := outer.Scan(&a); err != nil {
					return err
				}
				return db.Query(ctx, tx, func(inner *sql.Rows) error {
					var b string
					err := inner.Scan(&b)
					pairs = append(pairs, a+"/"+b)
					return err
				}, byNumber, 9)
			}, byNumber, 8)
		})
		if want := []string{"number 8/number 9", "number 9/number 9"}; err != nil || !slices.Equal(pairs, want) {
			t.Errorf("%v, %v, want %v", pairs, err, want)
		}
	})
	t.Run("left before its last row", func(t *testing.T) {
		t.Parallel()
		db := numbers(t, database.SQLite)
		stop := errors.New("enough")
		for range 3 {
			err := db.Query(t.Context(), db.Read(), func(*sql.Rows) error { return stop }, byNumber, 0)
			if !errors.Is(err, stop) {
				t.Fatal(err)
			}
		}
		exec(t, db, "UPDATE numbers SET name = ? WHERE n = ?", "changed", 9)
		var name string
		if err := db.QueryRow(t.Context(), db.Read(), []any{&name}, byNumber, 9); err != nil || name != "changed" {
			t.Errorf("%q, %v: an old state of the database is read", name, err)
		}
	})
	t.Run("after it failed", func(t *testing.T) {
		t.Parallel()
		db := numbers(t, database.SQLite)
		const insert = "INSERT INTO numbers (n, name) VALUES (?, ?)"
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			_, err := db.Exec(ctx, tx, insert, 3, "again")
			return err
		})
		if err == nil {
			t.Fatal("a duplicate was stored")
		}
		if n := exec(t, db, insert, 33, "new"); n != 1 {
			t.Errorf("inserted %d", n)
		}
	})
	t.Run("after the table changed", func(t *testing.T) {
		t.Parallel()
		db := numbers(t, database.SQLite)
		if got := find(t, db, "n > ?", 7); len(got) != 2 {
			t.Fatal(got)
		}
		exec(t, db, "ALTER TABLE numbers ADD COLUMN other TEXT")
		exec(t, db, "CREATE INDEX numbers_name ON numbers (name)")
		if got := find(t, db, "n > ?", 6); len(got) != 3 {
			t.Errorf("found %v", got)
		}
	})
	t.Run("more texts than are kept", func(t *testing.T) {
		t.Parallel()
		db := numbers(t, database.SQLite)
		for i := range 400 {
			if got := find(t, db, fmt.Sprintf("n = ? AND %d = %d", i, i), i%10); len(got) != 1 {
				t.Fatalf("text %d: %v", i, got)
			}
		}
	})
}

// What goes past bun is logged too, without what people wrote.
func TestEchoOfHotStatements(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	db, err := database.Open(t.Context(), database.Options{
		URL: "sqlite:///" + filepath.Join(t.TempDir(), "echo.db"), Echo: true, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec(t, db, "CREATE TABLE texts (content TEXT)")
	log.Reset()
	exec(t, db, "INSERT INTO texts (content) VALUES (?)", "a secret")
	if got := log.String(); !strings.Contains(got, "INSERT INTO texts") || strings.Contains(got, "secret") {
		t.Errorf("logged: %s", got)
	}
}

// Many rows come in by few texts, all of them and in order.
func TestInsertAll(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := numbers(t, engine)
			exec(t, db, "DELETE FROM numbers")
			var rows [][]any
			var want []string
			for n := range 300 {
				want = append(want, fmt.Sprintf("%03d?", n))
				rows = append(rows, []any{n, want[n]})
			}
			err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
				if err := db.InsertAll(ctx, tx, "INSERT INTO numbers (n, name) VALUES (?, ?)", nil); err != nil {
					return err
				}
				return db.InsertAll(ctx, tx, "INSERT INTO numbers (n, name) VALUES (?, COALESCE(NULLIF(?, ''), 'none'))", rows)
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := database.Values[string](t.Context(), db, db.Read(), "SELECT name FROM numbers ORDER BY n")
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
