package replicas_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/replicas"
	"github.com/parley-bot/parley/migrations"
)

// serve opens the database of url as a server does.
func serve(t *testing.T, url, version string) (db *database.DB, stop func()) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := db.LockFile()
	if err != nil {
		t.Fatal(err)
	}
	m, err := replicas.Join(t.Context(), db, version, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if err := errors.Join(m.Leave(), db.Close()); err != nil {
			t.Error(err)
		}
		unlock()
	}
	t.Cleanup(stop)
	return db, stop
}

// each runs fn on each engine, on a migrated database of that url.
func each(t *testing.T, fn func(t *testing.T, db *database.DB, url string)) {
	t.Helper()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, engine)
			fn(t, dbtest.Open(t, url), url)
		})
	}
}

func alive(t *testing.T, db *database.DB) []replicas.Replica {
	t.Helper()
	list, err := replicas.Alive(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func write(t *testing.T, db *database.DB, statement string) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		_, err := db.Exec(ctx, tx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A server is seen by others until it leaves or is silent for too long.
func TestAlive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, url string) {
		t.Helper()
		if list := alive(t, db); len(list) != 0 {
			t.Errorf("before: %+v", list)
		}
		_, stop := serve(t, url, "v1")
		if list := alive(t, db); len(list) != 1 || list[0].Version != "v1" || list[0].ID == "" {
			t.Errorf("while it runs: %+v", list)
		}
		if db.Engine() != database.SQLite { // where the lock tells
			write(t, db, `UPDATE replicas SET seen_at = seen_at - 25000000`)
			if list := alive(t, db); len(list) != 0 {
				t.Errorf("after a silence: %+v", list)
			}
		}
		stop()
		if list := alive(t, db); len(list) != 0 {
			t.Errorf("after the stop: %+v", list)
		}
	})
}

// A server that was killed holds nobody up on SQLite, and the next one is told
// from it.
func TestKilledOnFile(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, database.SQLite)
	db := dbtest.Open(t, url)
	write(t, db, `INSERT INTO replicas VALUES ('killed', 'v0', 1, 1)`)
	if list := alive(t, db); len(list) != 0 {
		t.Errorf("killed: %+v", list)
	}
	self, _ := serve(t, url, "v1")
	if list := alive(t, db); len(list) != 1 || list[0].Version != "v1" {
		t.Errorf("the next one: %+v", list)
	}
	if list := alive(t, self); len(list) != 0 {
		t.Errorf("it stands in its own way: %+v", list)
	}
}

// A server that does not register is seen on SQLite by its lock alone.
func TestLockWithoutRow(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, database.SQLite)
	db, old := dbtest.Open(t, url), dbtest.Open(t, url)
	unlock, err := old.LockFile()
	if err != nil {
		t.Fatal(err)
	}
	if list := alive(t, db); len(list) != 1 || list[0].ID != "" {
		t.Errorf("%+v", list)
	}
	unlock()
	if list := alive(t, db); len(list) != 0 {
		t.Errorf("after it ended: %+v", list)
	}
}

// The schema stays as it is beside a running server, whose version is named.
func TestMigrationsBesideAServer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, url string) {
		t.Helper()
		if applied, err := migrations.Up(t.Context(), db); err != nil || len(applied) != 0 {
			t.Errorf("nothing to do: %v, %v", applied, err)
		}
		_, stop := serve(t, url, "v1.2.3")
		if applied, err := migrations.Up(t.Context(), db); err != nil || len(applied) != 0 {
			t.Errorf("nothing to do beside it: %v, %v", applied, err)
		}
		write(t, db, `DELETE FROM schema_version WHERE name = '0009'`)
		applied, err := migrations.Up(t.Context(), db)
		if !errors.Is(err, replicas.ErrAlive) || !strings.Contains(err.Error(), "parley v1.2.3 ") || len(applied) != 0 {
			t.Errorf("up: %v, %v", applied, err)
		}
		if undone, err := migrations.Down(t.Context(), db, 0); !errors.Is(err, replicas.ErrAlive) || len(undone) != 0 {
			t.Errorf("down: %v, %v", undone, err)
		}
		stop()
		if applied, err := migrations.Up(t.Context(), db); err != nil || len(applied) != 1 {
			t.Errorf("up after it ended: %v, %v", applied, err)
		}
	})
}

// A connection that ends has no mark for a moment: that is no older version.
func TestConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, url string) {
		t.Helper()
		for range 20 {
			other, err := database.Open(t.Context(), database.Options{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			var busy sync.WaitGroup
			for range 8 {
				busy.Go(func() { _ = other.Ping(t.Context()) })
			}
			busy.Wait()
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
			if list := alive(t, db); len(list) > 0 {
				t.Fatalf("%+v", list)
			}
		}
	})
}
