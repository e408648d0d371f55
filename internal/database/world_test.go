package database_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/migrations"
)

// The cases of this file are what was reported of other gateways: databases as
// they are out there.

func hasServer(t *testing.T, engine database.Engine) {
	t.Helper()
	if !slices.Contains(dbtest.Engines(), engine) {
		t.Skipf("there is no %s", engine)
	}
}

// Case 46: through a pooler in transaction mode everything works as without.
func TestCase46PgBouncerInTransactionMode(t *testing.T) {
	t.Parallel()
	hasServer(t, database.Postgres)
	for name, settings := range map[string]string{
		"refuses settings": "",
		"forgets settings": "ignore_startup_parameters = lock_timeout,idle_in_transaction_session_timeout",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooled := dbtest.PgBouncer(t, dbtest.URL(t, database.Postgres), "pool_mode = transaction\ndefault_pool_size = 4\n"+settings)
			dbs := make([]*database.DB, 3)
			var all sync.WaitGroup
			for i := range dbs {
				all.Go(func() { dbs[i] = dbtest.Open(t, pooled) })
			}
			all.Wait()
			if t.Failed() {
				return
			}
			errs := make([]error, 120)
			for i := range errs {
				all.Go(func() {
					errs[i] = dbs[i%len(dbs)].Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
						limit := ""
						err := dbs[i%len(dbs)].QueryRow(ctx, tx, []any{&limit}, "SHOW lock_timeout")
						if err == nil && limit != "3s" {
							err = fmt.Errorf("lock_timeout is %s", limit)
						}
						return errors.Join(err, insert(ctx, tx, fmt.Sprint("job", i)))
					})
				})
			}
			all.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
			for i := range 40 { // as webhooks are stored
				all.Go(func() {
					id, err := dbs[0].InsertUrgent(t.Context(), nil, "INSERT INTO erasures (person, state, at, event_id, data) VALUES (?, '', 1, 1, '')", fmt.Sprint("person", i))
					if id == 0 || err != nil {
						t.Errorf("row %d: %v", id, err)
					}
				})
			}
			all.Wait()
			for _, db := range dbs {
				if err := errors.Join(migrations.Check(t.Context(), db), migrations.Writable(t.Context(), db)); err != nil {
					t.Error(err)
				}
			}
			if n := count(t, dbs[0]); n != len(errs) {
				t.Errorf("%d rows, want %d", n, len(errs))
			}
		})
	}
}

// Case 47: a server that became read-only is not ready, says so, and is left by
// its connections, which lead to the new one when there is one.
func TestCase47ReadOnlyAfterFailover(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, db *database.DB, readOnly, writable func()) {
		t.Helper()
		ctx := t.Context()
		if err := migrations.Writable(ctx, db); err != nil {
			t.Fatal(err)
		}
		readOnly()
		err := migrations.Writable(ctx, db)
		if failure.KindOf(err) != failure.Unavailable || !strings.Contains(err.Error(), "the database is read-only") {
			t.Fatalf("on a read-only server: %v", err)
		}
		writable()
		for range 100 { // one connection each time, and none of them is used again
			if err := migrations.Writable(ctx, db); err != nil {
				t.Fatalf("on the new server: %v", err)
			}
		}
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		hasServer(t, database.Postgres)
		where := dbtest.URL(t, database.Postgres)
		db := dbtest.Open(t, where)
		u, err := url.Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		// What leads to the server from now on is read-only, and stays so when the server is not.
		alter := func(statement string) {
			admin, err := database.Open(t.Context(), database.Options{URL: os.Getenv("PARLEY_TEST_POSTGRES")}) // not migrated: it is not ours
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			if _, err := admin.Maintenance().ExecContext(t.Context(), "ALTER DATABASE "+strings.Trim(u.Path, "/")+statement); err != nil {
				t.Fatal(err)
			}
			if _, err := admin.Maintenance().ExecContext(t.Context(), "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ?", strings.Trim(u.Path, "/")); err != nil {
				t.Fatal(err)
			}
		}
		check(t, db, func() {
			alter(" SET default_transaction_read_only = on")
			for range 3 { // those that were ended are noticed
				_ = db.Ping(t.Context())
			}
		}, func() {
			admin, err := database.Open(t.Context(), database.Options{URL: where})
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			for _, s := range []string{"SET default_transaction_read_only = off", "ALTER DATABASE " + strings.Trim(u.Path, "/") + " RESET default_transaction_read_only"} {
				if _, err := admin.Maintenance().ExecContext(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		mine, root := dbtest.MariaDB(t)
		db := dbtest.Open(t, mine)
		admin, err := database.Open(t.Context(), database.Options{URL: root})
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		set := func(value string) func() {
			return func() {
				if _, err := admin.Maintenance().ExecContext(t.Context(), "SET GLOBAL read_only = "+value); err != nil {
					t.Fatal(err)
				}
			}
		}
		check(t, db, set("1"), set("0"))
	})
}

// Case 48: there is one serve for a SQLite file, by whatever name it goes.
func TestCase48OneServeByTheFileItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	first := dbtest.Open(t, "sqlite:///"+path)
	release, err := first.LockFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(path, filepath.Join(dir, "soft.db")), os.Link(path, filepath.Join(dir, "hard.db"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.db", "soft.db"} {
		second, err := database.Open(t.Context(), database.Options{URL: "sqlite:///" + filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		if served, err := second.Served(); !served || err != nil {
			t.Errorf("%s: served %v, %v", name, served, err)
		}
		if _, err := second.LockFile(); !errors.Is(err, database.ErrInUse) {
			t.Errorf("%s: %v, want ErrInUse", name, err)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}
	// By another hard link SQLite would not even find what was written last.
	hard := database.Options{URL: "sqlite:///" + filepath.Join(dir, "hard.db")}
	if _, err := database.Open(t.Context(), hard); !errors.Is(err, database.ErrInUse) {
		t.Errorf("hard.db: %v, want ErrInUse", err)
	}
	release()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := database.Open(t.Context(), hard)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, err := second.LockFile(); err != nil {
		t.Errorf("hard.db after the first one's end: %v", err)
	}
}

// Case 49: what a database is set up as.
func TestCase49CompactRowsAndLatin1(t *testing.T) {
	t.Parallel()
	t.Run("compact rows", func(t *testing.T) {
		t.Parallel()
		mine, _ := dbtest.MariaDB(t, "--innodb-default-row-format=compact", "--character-set-server=latin1")
		db := dbtest.Open(t, mine)
		if err := migrations.Writable(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("latin1", func(t *testing.T) {
		t.Parallel()
		hasServer(t, database.Postgres)
		where := dbtest.URL(t, database.Postgres)
		admin := dbtest.Open(t, where)
		u, err := url.Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Trim(u.Path, "/") + "_latin1"
		for _, s := range []string{"CREATE DATABASE %s ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"} {
			if _, err := admin.Maintenance().ExecContext(t.Context(), fmt.Sprintf(s, name)); err != nil {
				t.Fatal(err)
			}
		}
		defer func() {
			_, _ = admin.Maintenance().ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)")
		}()
		u.Path = "/" + name
		_, err = database.Open(t.Context(), database.Options{URL: u.String()})
		if err == nil || !strings.Contains(err.Error(), "its encoding is LATIN1, which cannot hold every language; make another one: CREATE DATABASE") {
			t.Errorf("LATIN1: %v", err)
		}
	})
}

// Case 49: the database of the program that the store follows is recognised
// before it is touched.
func TestCase49OriginalStoreIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	path := dbtest.Original(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = database.Open(t.Context(), database.Options{URL: "sqlite:///" + path})
	want := "mv " + path + " " + path + ".original && parley conversations import " + path + ".original"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want it to say %q", err, want)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file has changed (%v)", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside it there is %v now (%v)", entries, err)
	}
	for _, engine := range dbtest.Engines() { // nor is one on a server
		where := dbtest.URL(t, engine)
		db := dbtest.Open(t, where)
		if _, err := db.Maintenance().ExecContext(t.Context(), "DROP TABLE schema_version"); err != nil {
			t.Fatal(err)
		}
		if _, err := database.Open(t.Context(), database.Options{URL: where}); err == nil || !strings.Contains(err.Error(), "of another program") {
			t.Errorf("%s: %v", engine, err)
		}
	}
}

// A deadline is a deadline on every engine, whatever it calls being interrupted.
func TestDeadlineIsDeadlineExceeded(t *testing.T) {
	t.Parallel()
	long := map[database.Engine]string{
		database.SQLite:   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) SELECT MAX(i) FROM n",
		database.Postgres: "SELECT 1 FROM pg_sleep(20)",
		database.MySQL:    "SELECT SLEEP(20)",
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for name, do := range map[string]func(context.Context) error{
			"query": func(ctx context.Context) error {
				return db.QueryRow(ctx, db.Read(), []any{new(int64)}, long[db.Engine()])
			},
			"exec": func(ctx context.Context) error {
				_, err := database.Values[int64](ctx, db, db.Read(), long[db.Engine()])
				return err
			},
			"write": func(ctx context.Context) error {
				return db.Write(ctx, func(own context.Context, tx database.Tx) error {
					if db.Engine() == database.SQLite { // where a transaction is shared, and not ended for one
						own = ctx
					}
					return db.QueryRow(own, tx, []any{new(int64)}, long[db.Engine()])
				})
			},
			"snapshot": func(ctx context.Context) error {
				return db.Snapshot(ctx, func(from database.Reader) error {
					return db.QueryRow(ctx, from, []any{new(int64)}, long[db.Engine()])
				})
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			err := do(ctx)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v is no context.DeadlineExceeded", name, err)
			}
		}
	})
}

// So many connections there are, and not more.
func TestPoolSize(t *testing.T) {
	t.Parallel()
	hasServer(t, database.Postgres)
	where := dbtest.URL(t, database.Postgres)
	if err := dbtest.Open(t, where).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), database.Options{URL: where, Conns: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { db.Listen(ctx, "test", func() {}) })
	var most int
	var mu sync.Mutex
	errs := make([]error, 40)
	var work sync.WaitGroup
	for i := range errs {
		work.Go(func() {
			do := func(in database.Reader) error {
				var n int
				err := db.QueryRow(t.Context(), in, []any{&n}, "SELECT COUNT(*) FROM pg_stat_activity, pg_sleep(0.01) WHERE datname = current_database()")
				mu.Lock()
				defer mu.Unlock()
				most = max(most, n)
				return err
			}
			if i%2 == 0 {
				errs[i] = db.Snapshot(t.Context(), do)
				return
			}
			errs[i] = do(db.Read())
		})
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if most > 4 {
		t.Errorf("%d connections, want 3 and the one that listens", most)
	}
}
