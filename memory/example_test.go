package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/migrations"
)

// What a message changes is staged first and made in the commit that answers it.
// Made again, as after a crash, it changes nothing more.
func ExampleStore() {
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: "sqlite:///:memory:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	_, _ = migrations.Up(ctx, db)
	store := memory.New(db)

	alice := memory.Person{Platform: "slack", Tenant: "T1", SenderID: "U1"}
	team := memory.PlaceOf(alice, true, "C1") // a group; in private alice's own place
	changes, _ := store.Stage(ctx, memory.Effect{ID: "event 7", At: time.Now()},
		memory.Remember{Place: team, Key: "release day", Value: "We release on Thursdays.", Author: alice},
		memory.AddScore{Place: team, Board: memory.Kudos, Person: alice, Name: "Alice", N: 2},
	)
	for range 2 {
		_ = db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := changes(ctx, tx)
			return err
		})
	}

	facts, _, _ := store.SearchFacts(ctx, team, "when do we release?", 5)
	for _, f := range facts {
		fmt.Println(f.Value)
	}
	leaders, _ := store.Leaders(ctx, team, memory.Kudos, memory.Week, time.Now(), 5)
	for _, l := range leaders {
		fmt.Println(l.Name, l.Points)
	}
	// Output:
	// We release on Thursdays.
	// Alice 2
}
