package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-bot/parley/migrations"
)

// owners reads from docs/ARCHITECTURE.md which room owns a table.
func owners(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "| tables | owner |")
	text, _, _ = strings.Cut(text, "\n\n")
	name, rooms := regexp.MustCompile("`([a-z_/*]+)`"), map[string]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || !name.MatchString(cells[2]) {
			continue
		}
		for _, table := range name.FindAllStringSubmatch(cells[1], -1) {
			rooms[table[1]] = name.FindStringSubmatch(cells[2])[1]
		}
	}
	return rooms
}

func ownerOf(rooms map[string]string, table string) string {
	if room, ok := rooms[table]; ok {
		return room
	}
	family, _, _ := strings.Cut(table, "_")
	return rooms[family+"_*"]
}

// Each table has an owner, and nobody else's SQL names it: what must become true
// together is done by functions of the owners, in one transaction.
func TestTablesHaveOneOwner(t *testing.T) {
	t.Parallel()
	rooms := owners(t)
	tables := migrations.Tables()
	for _, table := range tables {
		if ownerOf(rooms, table) == "" {
			t.Errorf("docs/ARCHITECTURE.md names no owner of the table %s", table)
		}
	}
	names := regexp.MustCompile(`(?i)\b(?:FROM|INTO|UPDATE|JOIN|TABLE)\s+(` + strings.Join(tables, "|") + `)\b`)
	found := 0
	for _, f := range tree(t) {
		if f.isTest() || matchAny([]string{"./migrations", "./test/...", "./internal/database/..."}, f.room()) {
			continue
		}
		for _, text := range literals(t, f.path) {
			for _, m := range names.FindAllStringSubmatch(text, -1) {
				found++
				if owner := ownerOf(rooms, m[1]); path.Dir(f.path) != owner {
					t.Errorf("%s has SQL on %s, which is %s's: export a function of that room that takes the transaction", f.path, m[1], owner)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("found only %d tables in SQL: this cannot be all", found)
	}
}

// literals returns the strings that stand in a file.
func literals(t *testing.T, file string) (list []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				list = append(list, text)
			}
		}
		return true
	})
	return list
}
