package database_test

import (
	"errors"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
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
			count := func(tx database.Tx) (n int) {
				t.Helper()
				if err := db.QueryRow(t.Context(), tx, []any{&n}, "SELECT COUNT(*) FROM numbers WHERE n >= ?", 0); err != nil {
					t.Fatal(err)
				}
				return n
			}
			setting, isServer := idleSetting[engine]
			err := db.Snapshot(t.Context(), func(tx database.Tx) error {
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
			if err := db.Snapshot(t.Context(), func(database.Tx) error { return stop }); !errors.Is(err, stop) {
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
