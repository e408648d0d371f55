package walbuffer_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"github.com/parley-bot/parley/internal/database/walbuffer"
)

const (
	gathered = "&vfs=" + walbuffer.Name
	// A cache of a few pages makes transactions write to the log, and read from
	// it, long before they end.
	tinyCache = "&_pragma=cache_size(10)"
)

// TestAgainstPlainFiles has one connection with the layer and one without write
// to one database in turns, and compares with what must be there: as the
// connections see it, and as a machine would find it that lost its power now.
func TestAgainstPlainFiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(newDir(rt), "a.db")
		synchronous := rapid.SampledFrom([]string{"full", "normal", "off"}).Draw(rt, "synchronous")
		conns := []*sql.DB{
			open(rt, path, gathered+tinyCache+"&_pragma=wal_autocheckpoint(40)&_pragma=synchronous("+synchronous+")"),
			open(rt, path, tinyCache+"&_pragma=wal_autocheckpoint(40)"),
		}
		run(rt, conns[0], `CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB NOT NULL)`)
		want := map[int]int{}
		for range rapid.IntRange(1, 8).Draw(rt, "transactions") {
			want = transaction(rt, rapid.SampledFrom(conns).Draw(rt, "writer"), want)
			require.Equal(rt, want, read(rt, open(rt, copyOf(rt, path), "")))
		}
		for _, conn := range conns {
			require.Equal(rt, want, read(rt, conn))
		}
	})
}

// transaction writes rows of several pages each, takes some of it back, and
// returns what is there afterwards.
func transaction(rt *rapid.T, conn *sql.DB, before map[int]int) map[int]int {
	tx, err := conn.BeginTx(rt.Context(), nil)
	require.NoError(rt, err)
	write := func(to map[int]int) map[int]int {
		after := maps.Clone(to)
		for range rapid.IntRange(0, 12).Draw(rt, "rows") {
			id, n := rapid.IntRange(1, 40).Draw(rt, "id"), rapid.IntRange(1, 20_000).Draw(rt, "bytes")
			_, err := tx.ExecContext(rt.Context(), `INSERT INTO t VALUES (?, zeroblob(?)) ON CONFLICT DO UPDATE SET v = excluded.v`, id, n)
			require.NoError(rt, err)
			after[id] = n
		}
		return after
	}
	do := func(statement string) {
		_, err := tx.ExecContext(rt.Context(), statement)
		require.NoError(rt, err)
	}
	after := write(before)
	if rapid.Bool().Draw(rt, "savepoint") {
		do("SAVEPOINT s")
		inner := write(after)
		if rapid.Bool().Draw(rt, "keep") {
			after = inner
		} else {
			do("ROLLBACK TO s")
		}
		do("RELEASE s")
		after = write(after)
	}
	if rapid.Bool().Draw(rt, "commit") {
		require.NoError(rt, tx.Commit())
		return after
	}
	require.NoError(rt, tx.Rollback())
	return before
}

// What a transaction gathered and took back must not reach the log after
// another connection has written there.
func TestRollbackLeavesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	with, without := open(t, path, gathered+tinyCache), open(t, path, "")
	run(t, with, `CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB NOT NULL)`)
	for round := range 6 {
		// Pages read from the database, not from the log, send nothing ahead.
		run(t, without, `PRAGMA wal_checkpoint(TRUNCATE)`)
		tx, err := with.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for id := range 5 * round {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (?, randomblob(15000))`, 1000+id)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Rollback())
		run(t, without, fmt.Sprintf(`INSERT INTO t VALUES (%d, zeroblob(30000))`, 2*round))
		run(t, with, fmt.Sprintf(`INSERT INTO t VALUES (%d, zeroblob(30000))`, 2*round+1))
		require.Len(t, read(t, without), 2*round+2)
		require.Len(t, read(t, open(t, copyOf(t, path), "")), 2*round+2)
	}
}

// A connection opens other files too: those it attaches, has a log for each.
func TestAttached(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conn := open(t, filepath.Join(dir, "a.db"), gathered+tinyCache)
	run(t, conn, `ATTACH '`+filepath.Join(dir, "b.db")+`' AS b`)
	run(t, conn, `PRAGMA b.journal_mode = wal`)
	run(t, conn, `CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB NOT NULL)`)
	run(t, conn, `CREATE TABLE b.t (id INTEGER PRIMARY KEY, v BLOB NOT NULL)`)
	tx, err := conn.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for _, table := range []string{"t", "b.t"} {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO `+table+` VALUES (1, zeroblob(200000))`)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	run(t, conn, `DETACH b`)
	run(t, conn, `VACUUM`)
	for _, name := range []string{"a.db", "b.db"} {
		require.Equal(t, map[int]int{1: 200_000}, read(t, open(t, filepath.Join(dir, name), "")))
	}
}

// BenchmarkCommit reports what the layer is worth for transactions that touch
// 1, 16 and 150 pages.
func BenchmarkCommit(b *testing.B) {
	for _, rows := range []int{1, 16, 150} {
		for name, option := range map[string]string{"plain": "", "gathered": gathered} {
			b.Run(fmt.Sprintf("pages=%d/%s", rows, name), func(b *testing.B) {
				conn := open(b, filepath.Join(b.TempDir(), "a.db"), option+"&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(8000)")
				run(b, conn, `CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB NOT NULL, n INTEGER)`)
				run(b, conn, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) INSERT INTO t SELECT i, zeroblob(4000), 0 FROM n`)
				for b.Loop() {
					run(b, conn, fmt.Sprintf(`UPDATE t SET n = n + 1 WHERE id <= %d`, rows))
				}
			})
		}
	}
}

// tester is what rapid's checks, tests and benchmarks have in common.
type tester interface {
	require.TestingT
	Cleanup(func())
	Context() context.Context
}

func newDir(t tester) string {
	dir, err := os.MkdirTemp("", "walbuffer")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// open returns a database of one connection.
func open(t tester, path, options string) *sql.DB {
	require.NoError(t, walbuffer.Register())
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)"+options)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func run(t tester, db *sql.DB, statement string) {
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// read returns how many bytes each row has, of a database that is as it should be.
func read(t tester, db *sql.DB) map[int]int {
	var fault string
	require.NoError(t, db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&fault))
	require.Equal(t, "ok", fault)
	rows, err := db.QueryContext(t.Context(), `SELECT id, length(v) FROM t`)
	require.NoError(t, err)
	defer rows.Close()
	found := map[int]int{}
	for rows.Next() {
		var id, n int
		require.NoError(t, rows.Scan(&id, &n))
		found[id] = n
	}
	require.NoError(t, rows.Err())
	return found
}

// copyOf returns a copy of the files as they are now: what a machine that loses
// its power finds, if its disk has kept what it was given.
func copyOf(t tester, path string) string {
	to := filepath.Join(newDir(t), "a.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to+suffix, data, 0o600))
	}
	return to
}
