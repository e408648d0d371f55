package database_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
)

// idleSetting is how long the server lets a transaction idle, in its own words.
var idleSetting = map[database.Engine]struct{ query, usual, snapshot string }{
	database.Postgres: {"SELECT current_setting('idle_in_transaction_session_timeout')", "10s", "10min"},
	database.MySQL:    {"SELECT CAST(@@idle_transaction_timeout AS CHAR)", "10", "600"},
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := numbers(t, engine)
			count := func(tx database.Reader) (n int) {
				t.Helper()
				if err := db.QueryRow(t.Context(), tx, []any{&n}, "SELECT COUNT(*) FROM numbers WHERE n >= ?", 0); err != nil {
					t.Fatal(err)
				}
				return n
			}
			setting, isServer := idleSetting[engine]
			err := db.Snapshot(t.Context(), func(tx database.Reader) error {
				before := count(tx)
				exec(t, db, "DELETE FROM numbers WHERE n = ?", 3)
				if after := count(tx); before != 10 || after != before {
					t.Errorf("%d numbers, then %d in the same snapshot", before, after)
				}
				if isServer {
					var got string
					if err := tx.NewRaw(setting.query).Scan(t.Context(), &got); err != nil || got != setting.snapshot {
						t.Errorf("a snapshot may be idle for %s, %v", got, err)
					}
				}
				_, err := db.Exec(t.Context(), tx, "DELETE FROM numbers WHERE n = ?", 4)
				return err
			})
			if err == nil {
				t.Error("a snapshot was written in")
			}
			stop := errors.New("enough")
			if err := db.Snapshot(t.Context(), func(database.Reader) error { return stop }); !errors.Is(err, stop) {
				t.Errorf("its error is %v", err)
			}
			var got string
			if isServer {
				if err := db.Read().NewRaw(setting.query).Scan(t.Context(), &got); err != nil || got != setting.usual {
					t.Errorf("afterwards a transaction may be idle for %s, %v", got, err)
				}
			}
		})
	}
}

// Those who take their time have some of the connections, and what they do not
// get they are told at once; turns and our own work go on meanwhile.
func TestSlowSnapshots(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := numbers(t, engine)
			slowly := make(chan struct{})
			begun, ended := make(chan struct{}), make(chan error)
			hold := func(database.Reader) error {
				begun <- struct{}{}
				<-slowly
				return nil
			}
			const most = 7
			for range most {
				go func() { ended <- db.SlowSnapshot(t.Context(), hold) }()
				<-begun
			}
			err := db.SlowSnapshot(t.Context(), hold)
			if failure.KindOf(err) != failure.Unavailable || failure.WaitOf(err) == 0 {
				t.Errorf("one too many: %v", err)
			}
			reads := 0
			read := func(from database.Reader) error {
				reads++
				var n int
				return db.QueryRow(t.Context(), from, []any{&n}, "SELECT COUNT(*) FROM numbers WHERE n >= ?", 0)
			}
			if err := errors.Join(read(db.Read()), db.Snapshot(t.Context(), read)); err != nil || reads != 2 {
				t.Errorf("beside them: %d reads, %v", reads, err)
			}
			close(slowly)
			for range most {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			if err := db.SlowSnapshot(t.Context(), read); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// In memory a slow reader keeps nobody from the one connection.
func TestStepsInMemory(t *testing.T) {
	t.Parallel()
	db, err := database.Open(t.Context(), database.Options{URL: ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	err = db.SlowSnapshot(t.Context(), func(from database.Reader) error {
		var n int
		if err := db.QueryRow(t.Context(), from, []any{&n}, "SELECT COUNT(*) FROM sqlite_master WHERE 1 = ?", 1); err != nil {
			return err
		}
		return db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			_, err := db.Exec(ctx, tx, "CREATE TABLE beside (n INTEGER)")
			return err
		})
	})
	if err != nil || !db.Steps() {
		t.Error(err)
	}
}
