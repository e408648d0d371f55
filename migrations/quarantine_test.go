package migrations_test

import (
	"context"
	"maps"
	"testing"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
)

// Lanes that the version before kept apart stay apart, with the deaths that it
// counted, and are what they were when the migration is taken back.
func TestLanesStayInQuarantine(t *testing.T) {
	t.Parallel()
	type lane struct {
		Queue   string
		Crashes int64
	}
	before := map[string]lane{
		"normal": {"", 0}, "suspect": {"!", 0}, "alone": {"!", 1}, "nearly dead": {"!", 4},
		"of the terminal": {"terminal", 0}, "suspect of the terminal": {"terminal!", 0},
	}
	after := map[string]lane{
		"normal": {"", 0}, "suspect": {"", 1}, "alone": {"", 2}, "nearly dead": {"", 5},
		"of the terminal": {"terminal", 0}, "suspect of the terminal": {"terminal", 1},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		run := func(fn func(context.Context, bun.Tx) error) {
			t.Helper()
			if err := db.Maintenance().RunInTx(ctx, nil, fn); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string, want map[string]lane) {
			t.Helper()
			got := map[string]lane{}
			for name := range before {
				var l lane
				err := db.Maintenance().NewRaw("SELECT queue, crashes FROM lanes WHERE lane_key = ? AND ready_at = 7", database.Hash("test", name)).Scan(ctx, &l)
				if err != nil {
					t.Fatal(err)
				}
				got[name] = l
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		run(migrations.QuarantineDown)
		for name, l := range before {
			run(func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewRaw("INSERT INTO lanes (lane_key, queue, crashes, ready_at, updated_at) VALUES (?, ?, ?, 7, 7)",
					database.Hash("test", name), l.Queue, l.Crashes).Exec(ctx)
				return err
			})
		}
		run(migrations.QuarantineUp)
		check("up", after)
		run(migrations.QuarantineDown)
		check("down", before)
		run(migrations.QuarantineUp)
		run(migrations.QuarantineUp) // as after a start that was cut short
		check("up again", after)
	})
}
