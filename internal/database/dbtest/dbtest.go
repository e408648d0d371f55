// Package dbtest opens a fresh, migrated database of each engine for tests.
//
// SQLite is always there. PostgreSQL and MySQL/MariaDB are used when
// PARLEY_TEST_POSTGRES and PARLEY_TEST_MYSQL hold a URL with the right to
// create databases; each test gets a database of its own and drops it.
package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/migrations"
)

// Each runs fn as a subtest on every engine that this machine has, each time
// with a fresh and migrated database.
func Each(t *testing.T, fn func(t *testing.T, db *database.DB)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			fn(t, fresh(t, engine))
		})
	}
}

// Engines returns SQLite and the servers named by the environment.
func Engines() []database.Engine {
	list := []database.Engine{database.SQLite}
	for _, engine := range []database.Engine{database.Postgres, database.MySQL} {
		if server(engine) != "" {
			list = append(list, engine)
		}
	}
	return list
}

// server returns the URL of the engine's test server, "" when there is none.
func server(engine database.Engine) string {
	name := "PARLEY_TEST_POSTGRES"
	if engine == database.MySQL {
		name = "PARLEY_TEST_MYSQL"
	}
	return os.Getenv(name) //nolint:forbidigo // tests are told by the environment which servers there are
}

// URL returns the URL of a new, empty database that is gone after the test.
func URL(tb testing.TB, engine database.Engine) string {
	tb.Helper()
	switch engine {
	case database.Postgres:
		return create(tb, server(engine), "DROP DATABASE IF EXISTS %s WITH (FORCE)")
	case database.MySQL:
		return create(tb, server(engine), "DROP DATABASE IF EXISTS %s")
	case database.SQLite:
	}
	return "sqlite:///" + filepath.Join(tb.TempDir(), "test.db")
}

// Migrated returns the URL of a new database of the newest schema that is gone
// after the test.
func Migrated(tb testing.TB, engine database.Engine) string {
	tb.Helper()
	to := URL(tb, engine)
	if engine != database.SQLite {
		if err := migrate(to); err != nil {
			tb.Fatal(err)
		}
		return to
	}
	file, err := newest()
	if err == nil {
		err = os.WriteFile(strings.TrimPrefix(to, "sqlite:///"), file, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return to
}

// migrate gives a database the newest schema, and closes it: no part of SQLite's is
// left in the log beside it then.
func migrate(url string) error {
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: url})
	if err != nil {
		return err
	}
	_, err = migrations.Up(ctx, db)
	return errors.Join(err, db.Close())
}

// newest is a file of SQLite with the newest schema, made once for all tests of
// a package.
var newest = sync.OnceValues(func() ([]byte, error) { //nolint:gochecknoglobals // shared by tests that know nothing of each other, never changed
	dir, err := os.MkdirTemp("", "parley-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "newest.db")
	if err := migrate("sqlite:///" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Open opens url, brings its schema up to date, and closes it after the test.
func Open(tb testing.TB, url string) *database.DB {
	tb.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	if _, err := migrations.Up(ctx, db); err != nil {
		tb.Fatal(err)
	}
	return db
}

// New is Open with a new SQLite file, for tests that do not care about the engine.
func New(tb testing.TB) *database.DB {
	tb.Helper()
	return fresh(tb, database.SQLite)
}

// fresh opens a new database. On SQLite it is a copy of one that was migrated
// before: that takes a tenth of a second, and most tests begin with it.
func fresh(tb testing.TB, engine database.Engine) *database.DB {
	tb.Helper()
	if engine == database.SQLite {
		return Open(tb, Migrated(tb, engine))
	}
	return Open(tb, URL(tb, engine)) // Open migrates
}

func create(tb testing.TB, admin, drop string) string {
	tb.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: admin})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	var b [8]byte
	_, _ = rand.Read(b[:])
	name := "parley_test_" + hex.EncodeToString(b[:])
	if _, err := db.Maintenance().ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { dropDatabase(tb, admin, name, drop) })
	u, err := url.Parse(admin)
	if err != nil {
		tb.Fatal("PARLEY_TEST_… is not a URL")
	}
	u.Path = "/" + name
	return u.String()
}

func dropDatabase(tb testing.TB, admin, name, drop string) {
	tb.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: admin})
	if err != nil {
		tb.Error(err)
		return
	}
	defer db.Close()
	if _, err := db.Maintenance().ExecContext(ctx, fmt.Sprintf(drop, name)); err != nil {
		tb.Error(err)
	}
}
