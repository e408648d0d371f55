package migrations_test

import (
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
)

// A part that an older version was sending is a message for this one, and
// stays as it was when the migration is taken back.
func TestPartsOfOlderVersionsAreMessages(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db, err := database.Open(ctx, database.Options{URL: dbtest.FirstVersion(t, engine)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			_, err = db.Maintenance().NewRaw(`INSERT INTO delivery_parts (delivery_id, n, part_key, text, state, tried_at)
				VALUES (1, 0, 'key-0', 'hello 🦜', 'sending', 7)`).Exec(ctx)
			if err != nil {
				t.Fatal(err)
			}
			read := func(column string) (text, more string) {
				t.Helper()
				query := "SELECT text, " + column + " FROM delivery_parts WHERE part_key = 'key-0' AND state = 'sending' AND tried_at = 7"
				if err := db.Maintenance().NewRaw(query).Scan(ctx, &text, &more); err != nil {
					t.Error(err)
				}
				return text, more
			}
			if _, err := migrations.Up(ctx, db); err != nil {
				t.Fatal(err)
			}
			if text, file := read("file_name"); text != "hello 🦜" || file != "" {
				t.Errorf("after up: %q, file %q", text, file)
			}
			if _, err := migrations.Down(ctx, db, 5); err != nil {
				t.Fatal(err)
			}
			if text, _ := read("part_key"); text != "hello 🦜" {
				t.Errorf("after down: %q", text)
			}
			if _, err := db.Maintenance().NewRaw("SELECT file_name FROM delivery_parts").Exec(ctx); err == nil {
				t.Error("the column is still there after down")
			}
		})
	}
}
