package memory_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
)

func TestBackend(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			memorytest.Run(t, func(t *testing.T, zone *time.Location) (memory.Backend, *database.DB) {
				t.Helper()
				db := dbtest.Open(t, dbtest.URL(t, engine))
				return open(t, db).In(zone), db
			})
		})
	}
}
