package database_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

const schemaPage = "../../docs/schema.md"

// TestSchemaPage holds docs/schema.md to the database: of public tables every
// column, of the others the name, in both directions.
func TestSchemaPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(schemaPage)
	if err != nil {
		t.Fatal(err)
	}
	public, own := parseSchemaPage(t, string(text))
	for _, table := range []string{"conversations", "messages", "user_preferences", "schema_version"} {
		if public[table] == nil {
			t.Errorf("docs/schema.md: the public table %s has no section with its columns", table)
		}
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		there := columnsOf(t, db)
		for table, columns := range there {
			switch documented, isPublic := public[table]; {
			case isPublic:
				compare(t, "column of "+table, documented, columns)
			case !own[table]:
				t.Errorf("table %s is in the database, but not in docs/schema.md; give it a line under \"Internal tables\"", table)
			}
		}
		for _, table := range slices.Concat(slices.Collect(maps.Keys(public)), slices.Collect(maps.Keys(own))) {
			if there[table] == nil {
				t.Errorf("table %s is in docs/schema.md, but not in the database", table)
			}
		}
	})
}

// compare names what only one of the two has.
func compare(t *testing.T, what string, page, db []string) {
	t.Helper()
	for _, name := range db {
		if !slices.Contains(page, name) {
			t.Errorf("%s: %s is in the database, but not in docs/schema.md", what, name)
		}
	}
	for _, name := range page {
		if !slices.Contains(db, name) {
			t.Errorf("%s: %s is in docs/schema.md, but not in the database", what, name)
		}
	}
}

// parseSchemaPage returns the columns of each public table, and the names of the others.
func parseSchemaPage(t *testing.T, text string) (public map[string][]string, own map[string]bool) {
	t.Helper()
	public, own = map[string][]string{}, map[string]bool{}
	name, part, table := regexp.MustCompile("`([a-z0-9_]+)`"), "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			part, table = title, ""
		}
		if title, ok := strings.CutPrefix(line, "### "); ok {
			table = title
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], "|")
		for _, found := range name.FindAllStringSubmatch(cell, -1) {
			switch part {
			case "Public tables":
				public[table] = append(public[table], found[1])
			case "Internal tables":
				own[found[1]] = true
			}
		}
	}
	if len(own) == 0 {
		t.Fatal("docs/schema.md lists no tables of our own")
	}
	return public, own
}

// columnsOf returns the columns of every table there is.
func columnsOf(t *testing.T, db *database.DB) map[string][]string {
	t.Helper()
	query := map[database.Engine]string{
		database.SQLite: `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
		database.Postgres: `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()`,
		database.MySQL:    `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()`,
	}[db.Engine()]
	rows, err := db.Read().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		columns[table] = append(columns[table], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return columns
}
