package database_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// Rows that go to PostgreSQL together are each there or refused as if alone.
func TestInsertUrgent(t *testing.T) {
	t.Parallel()
	if !slices.Contains(dbtest.Engines(), database.Postgres) {
		t.Skip("PARLEY_TEST_POSTGRES is not set")
	}
	db := dbtest.Open(t, dbtest.URL(t, database.Postgres))
	if _, err := db.Exec(t.Context(), db.Maintenance(), "CREATE TABLE piped (id BIGSERIAL PRIMARY KEY, n BIGINT NOT NULL UNIQUE CHECK (n <> 13))"); err != nil {
		t.Fatal(err)
	}
	const rows, each = 40, 5 // every row five times, at once
	var mu sync.Mutex
	added, refused := map[int64]int{}, 0
	var all sync.WaitGroup
	for i := range int64(rows * each) {
		all.Go(func() {
			id, err := db.InsertUrgent(t.Context(), []byte{byte(i % rows)}, "INSERT INTO piped (n) VALUES (?) ON CONFLICT DO NOTHING", i%rows)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil && i%rows == 13:
				refused++
			case err != nil:
				t.Errorf("row %d: %v", i%rows, err)
			case id != 0:
				added[i%rows]++
			}
		})
	}
	all.Wait()
	for n := range int64(rows) {
		if want := min(1, (n-13)*(n-13)); added[n] != int(want) {
			t.Errorf("row %d was added %d times", n, added[n])
		}
	}
	if refused != each {
		t.Errorf("%d refused", refused)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := db.InsertUrgent(stopped, nil, "INSERT INTO piped (n) VALUES (?)", 99); err == nil {
		t.Error("inserted for somebody who is gone")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertUrgent(t.Context(), nil, "INSERT INTO piped (n) VALUES (?)", 99); err == nil {
		t.Error("inserted into a closed database")
	}
}
