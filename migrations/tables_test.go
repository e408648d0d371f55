package migrations_test

import (
	"slices"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
)

// Tables are those that there are, beside the two that keep the versions.
func TestTables(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	there, err := database.Values[string](t.Context(), db, db.Read(), `SELECT name FROM sqlite_master
		WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ('schema_version', 'schema_lock') ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	if got := migrations.Tables(); !slices.Equal(got, there) {
		t.Errorf("%q, but there are %q", got, there)
	}
}
