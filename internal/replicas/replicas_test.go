package replicas

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
)

// Whoever has died without leaving stays in the table, and others may take a
// server that was frozen for dead: it comes back with its next sign of life.
func TestSeenAgain(t *testing.T) {
	t.Parallel()
	db, err := database.Open(t.Context(), database.Options{URL: ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	run := func(statement string) {
		t.Helper()
		if _, err := db.Maintenance().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE TABLE replicas (id TEXT, version TEXT, started_at BIGINT, seen_at BIGINT)`)
	m, err := Join(t.Context(), db, "1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	run(`DELETE FROM replicas`)
	for range 2 {
		if err := db.Write(t.Context(), m.seen); err != nil {
			t.Fatal(err)
		}
		list, err := registered(t.Context(), db, 0)
		if err != nil || len(list) != 1 || list[0].ID != m.id || list[0].Version != "1" || !list[0].Started.Equal(database.Time(m.started)) {
			t.Errorf("%+v, %v", list, err)
		}
	}
	for range 2 {
		if err := m.Leave(); err != nil {
			t.Error(err)
		}
	}
	if list, err := registered(context.Background(), db, 0); err != nil || len(list) != 0 {
		t.Errorf("after leaving: %+v, %v", list, err)
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	if got := (Replica{ID: "x", Version: "v1.2"}).String(); got != "parley v1.2" {
		t.Error(got)
	}
	if got := (Replica{}).String(); !strings.Contains(got, "older version") {
		t.Error(got)
	}
}
