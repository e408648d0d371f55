package migrations_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
)

// What was counted stays counted when a day gets several rows, and when they
// become one again, whose cost is known where that of each was.
func TestUsageKeepsItsSums(t *testing.T) {
	t.Parallel()
	type use struct {
		model                                string
		prompt, reply, calls, cached, writes int64
		cost                                 sql.NullInt64
	}
	const columns = "usage_daily (day, model, prompt_tokens, completion_tokens, calls, cached_tokens, written_tokens, cost"
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		down := func(to int) {
			t.Helper()
			if _, err := migrations.Down(ctx, db, to); err != nil {
				t.Fatal(err)
			}
		}
		up := func() {
			t.Helper()
			if _, err := migrations.Up(ctx, db); err != nil {
				t.Fatal(err)
			}
		}
		exec := func(query string) {
			t.Helper()
			err := db.Maintenance().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewRaw(query).Exec(ctx)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		down(39)
		exec("INSERT INTO " + columns + ") VALUES ('2026-11-01', 'a', 1, 2, 3, 4, 5, 6), ('2026-11-01', 'b', 10, 20, 30, 40, 50, NULL)")
		up()
		exec("INSERT INTO " + columns + ", share) VALUES ('2026-11-01', 'a', 1, 1, 1, 1, 1, 1, 7), ('2026-11-01', 'b', 1, 1, 1, 1, 1, 1, 15)")
		down(40)
		up()
		down(39)
		got, err := database.All(ctx, db, db.Read(), func(u *use) []any {
			return []any{&u.model, &u.prompt, &u.reply, &u.calls, &u.cached, &u.writes, &u.cost}
		}, "SELECT model, prompt_tokens, completion_tokens, calls, cached_tokens, written_tokens, cost FROM usage_daily ORDER BY model")
		want := []use{{"a", 2, 3, 4, 5, 6, sql.NullInt64{Int64: 7, Valid: true}}, {"b", 11, 21, 31, 41, 51, sql.NullInt64{}}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after the way back: %+v, %v", got, err)
		}
	})
}
