package migrations

import (
	"os"
	"strings"
	"testing"

	"github.com/uptrace/bun/dialect"
)

// The first migration has landed, and with it the words that it is written in:
// databases out there have been made by exactly these statements. A change of
// the schema is a new migration; what this test compares with is never refreshed.
func TestFirstIsFrozen(t *testing.T) {
	t.Parallel()
	for engine, name := range map[string]dialect.Name{"sqlite": dialect.SQLite, "postgres": dialect.PG, "mysql": dialect.MySQL} {
		file, err := os.ReadFile("../internal/database/dbtest/testdata/0001/" + engine + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		want, got := strings.Split(strings.TrimSuffix(string(file), ";\n"), ";\n\n"), initial().up
		if len(got) != len(want) {
			t.Errorf("%s: %d statements, want %d", engine, len(got), len(want))
			continue
		}
		for i, text := range got {
			if text = translate(text, name); squeeze(text) != squeeze(want[i]) {
				t.Errorf("%s: 0001 has changed after it landed; write a new migration instead.\n got %s\nwant %s", engine, text, want[i])
			}
		}
	}
}

// squeeze makes every run of white space one blank.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// Names are the order, and each is a migration's own.
func TestStepsAreInOrder(t *testing.T) {
	t.Parallel()
	last := ""
	for _, s := range steps() {
		if s.name <= last || s.comment == "" || len(s.up) == 0 || len(s.down) == 0 {
			t.Errorf("migration %q %q after %q", s.name, s.comment, last)
		}
		last = s.name
	}
}
