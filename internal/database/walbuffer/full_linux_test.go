package walbuffer_test

import (
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A transaction that the disk has no room for fails, whether it is noticed in
// its middle or at its end, and takes nothing else along. No other test runs
// meanwhile: the limit is the process's.
func TestFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	for name, cache := range map[string]string{"in the middle": tinyCache, "at the end": ""} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			with, without := open(t, path, gathered+cache), open(t, path, "")
			run(t, with, `CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB NOT NULL)`)
			for round := range 4 {
				limit(t, 300_000)
				_, err := with.ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
					INSERT INTO t SELECT 1000 + i, zeroblob(5000) FROM n`)
				limit(t, 1<<40)
				require.Error(t, err)
				run(t, without, fmt.Sprintf(`INSERT INTO t VALUES (%d, zeroblob(9000))`, 2*round))
				run(t, with, fmt.Sprintf(`INSERT INTO t VALUES (%d, zeroblob(9000))`, 2*round+1))
				require.Len(t, read(t, without), 2*round+2)
				require.Len(t, read(t, open(t, copyOf(t, path), "")), 2*round+2)
			}
		})
	}
}

// limit makes every write beyond so many bytes of a file fail.
func limit(t *testing.T, bytes uint64) {
	t.Helper()
	var now syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now))
	now.Cur = min(bytes, now.Max)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now))
}
