package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// stranger connects to the database of raw as a version that does not register
// itself does.
func stranger(t *testing.T, engine database.Engine, raw string) (leave func()) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if engine == database.Postgres {
		o, err := pgx.ParseConfig(raw)
		if err != nil {
			t.Fatal(err)
		}
		o.RuntimeParams["application_name"] = "parley"
		c, err := pgx.ConnectConfig(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return func() { _ = c.Close(context.Background()) }
	}
	o := mysql.NewConfig()
	o.User, o.Net, o.Addr, o.DBName = u.User.Username(), "tcp", u.Host, u.Path[1:]
	o.Passwd, _ = u.User.Password()
	pool, err := sql.Open("mysql", o.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() { _ = pool.Close() }
}

// Only connections of versions that do not register are taken for such: not
// those of this version, nor those to another database of the same server.
func TestUnmarked(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			raw := dbtest.URL(t, engine)
			db, beside := dbtest.Open(t, raw), dbtest.Open(t, raw)
			count := func() int {
				t.Helper()
				n, err := db.Unmarked(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			if err := beside.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(); n != 0 {
				t.Errorf("%d beside this version", n)
			}
			if engine == database.SQLite {
				return
			}
			defer stranger(t, engine, dbtest.URL(t, engine))()
			if n := count(); n != 0 {
				t.Errorf("%d on another database", n)
			}
			leave := stranger(t, engine, raw)
			if n := count(); n != 1 {
				t.Errorf("%d beside the version before", n)
			}
			leave()
			tick := time.NewTicker(20 * time.Millisecond) // the server takes its time to notice
			defer tick.Stop()
			for count() != 0 {
				select {
				case <-t.Context().Done():
					t.Fatal("still there")
				case <-tick.C:
				}
			}
		})
	}
}

// Processes that open a new file at the same moment all get it.
func TestFileIsOpenedByManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 60 {
		url := fmt.Sprintf("sqlite:///%s/%d.db", dir, i)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				db, err := database.Open(t.Context(), database.Options{URL: url})
				if err == nil {
					err = db.Close()
				}
				if err != nil {
					t.Errorf("file %d: %v", i, err)
				}
			})
		}
		all.Wait()
	}
}
