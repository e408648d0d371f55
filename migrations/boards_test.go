package migrations_test

import (
	"context"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
)

// Scores stay what they are when their table is put into another order, and back.
func TestScoresStay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		type score struct {
			Board, Person, Place []byte
			Points               int64
			Name                 string
			Ends                 int64
		}
		key := func(name string) []byte { return database.Hash("test", name) }
		want := []score{
			{key("a"), key("alice"), key("room"), 3, "Alice 🦜", 0},
			{key("a"), key("bob"), key("room"), -1, "Bob", 0},
			{key("b"), key("alice"), key("room"), 2, "Alice 🦜", 1_700_000_000_000_000},
			{key("c"), key("alice"), key("cellar"), 1, "Alice 🦜", 0},
		}
		run := func(fn func(context.Context, bun.Tx) error) {
			t.Helper()
			if err := db.Maintenance().RunInTx(ctx, nil, fn); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string) {
			t.Helper()
			var got []score
			err := db.Maintenance().NewRaw("SELECT board, person, place, points, name, ends FROM memory_scores ORDER BY name, points DESC").Scan(ctx, &got)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%s: %d scores, %v", when, len(got), err)
			}
			for _, s := range want {
				if !slices.ContainsFunc(got, func(g score) bool {
					return slices.Equal(g.Board, s.Board) && slices.Equal(g.Person, s.Person) && slices.Equal(g.Place, s.Place) &&
						g.Points == s.Points && g.Name == s.Name && g.Ends == s.Ends
				}) {
					t.Errorf("%s: %+v is gone; there are %+v", when, s, got)
				}
			}
		}
		if _, err := migrations.Down(ctx, db, 14); err != nil { // to where that table is
			t.Fatal(err)
		}
		for _, s := range want {
			run(func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewRaw("INSERT INTO memory_scores (board, person, place, points, name, ends) VALUES (?, ?, ?, ?, ?, ?)",
					s.Board, s.Person, s.Place, s.Points, s.Name, s.Ends).Exec(ctx)
				return err
			})
		}
		run(migrations.BoardsDown)
		check("down")
		run(migrations.BoardsUp)
		check("up again")
	})
}
