package database_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
)

// TestUpgrade takes a database that the first landed version has made and used
// to the schema of today.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := dbtest.FirstVersion(t, engine)
			db := dbtest.Open(t, url) // migrates
			if err := migrations.Check(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			checkConversations(t, db)
			for query, want := range map[string]string{
				`SELECT value FROM user_preferences WHERE sender_id = 'alice' AND pref_key = 'city'`:                                   "Paris  by night",
				`SELECT CASE WHEN SUM(tokens) = 12 THEN 'carried over' ELSE 'lost' END FROM budget_counts`:                             "carried over",
				`SELECT name FROM people WHERE sender_id = 'alice'`:                                                                    "Alice",
				`SELECT event_id FROM events e JOIN lanes l ON l.lane_key = e.lane_key WHERE e.status = 'received' AND l.ready_at > 1`: "evt-1",
			} {
				var got string
				if err := db.Read().NewRaw(query).Scan(t.Context(), &got); err != nil || got != want {
					t.Errorf("%s: %q, %v", query, got, err)
				}
			}
			if applied, err := migrations.Up(t.Context(), db); err != nil || len(applied) != 0 {
				t.Errorf("a second time: applied %v, %v", applied, err)
			}
		})
	}
}

// checkConversations reads what Alice said and goes on with it.
func checkConversations(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := t.Context()
	m, err := conversation.New(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	c, err := m.Find(ctx, conversation.Key{UserKey: "generic:private:alice", ChatID: "alice"})
	if err != nil || c.MessageCount != 2 || c.TotalTokens != 12 || c.Persona != "pirate" || !c.LastActivity.Equal(dbtest.FirstTime()) {
		t.Fatalf("%+v, %v", c, err)
	}
	history, err := m.LoadHistory(ctx, c.ID, conversation.HistoryOptions{})
	if err != nil || len(history) != 2 || history[1].Content != "hello 🦜 assistant" || history[0].Metadata["n"] == nil {
		t.Errorf("%+v, %v", history, err)
	}
	if used, err := m.TokensUsed(ctx, c.UserKey, dbtest.FirstTime()); err != nil || used != 12 {
		t.Errorf("%d tokens, %v", used, err)
	}
	saved, err := m.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: "again"})
	if err != nil || saved.ID != 3 {
		t.Errorf("%+v, %v", saved, err)
	}
	if s, err := m.Stats(ctx); err != nil || s.TotalConversations != 2 || s.TotalMessages != 3 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestNewerSchemaIsRefused: a database that a newer version has changed is left alone.
func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := tx.NewRaw(`INSERT INTO schema_version (name, group_id) VALUES ('9999', 99)`).Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for what, do := range map[string]func() error{
			"check": func() error { return migrations.Check(ctx, db) },
			"up":    func() error { _, err := migrations.Up(ctx, db); return err },
			"down":  func() error { _, err := migrations.Down(ctx, db, 0); return err },
			"list":  func() error { _, err := migrations.List(ctx, db); return err },
		} {
			err := do()
			if !errors.Is(err, migrations.ErrNewer) || !strings.Contains(err.Error(), "newer version") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

// TestDownAndUp takes everything back and makes it again.
func TestDownAndUp(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		for {
			undone, err := migrations.Down(ctx, db, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(undone) == 0 {
				break
			}
		}
		if err := migrations.Check(ctx, db); !errors.Is(err, migrations.ErrBehind) {
			t.Errorf("after down: %v", err)
		}
		if _, err := migrations.Up(ctx, db); err != nil {
			t.Fatal(err)
		}
		if err := migrations.Check(ctx, db); err != nil {
			t.Error(err)
		}
	})
}

// TestRacingUps: several replicas start at once on an old database, and each
// migration is applied once.
func TestRacingUps(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, engine)
			var wg sync.WaitGroup
			var mu sync.Mutex
			times := map[string]int{}
			for range 4 {
				wg.Go(func() {
					db, err := database.Open(t.Context(), database.Options{URL: url})
					if err != nil {
						t.Error(err)
						return
					}
					defer db.Close()
					applied, err := migrations.Up(t.Context(), db)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for _, name := range applied {
						times[name]++
					}
				})
			}
			wg.Wait()
			for name, n := range times {
				if n != 1 {
					t.Errorf("%s was applied %d times", name, n)
				}
			}
			if times["0001_initial"] != 1 {
				t.Errorf("applied %v", times)
			}
		})
	}
}
