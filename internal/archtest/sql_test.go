package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parley-bot/parley/migrations"
)

// atHome are the rooms that SQL is at home in: they may go past db.Exec and
// db.Query, and branch on the engine.
var atHome = []string{"./internal/database/...", "./migrations"}

// mayRead lists who reads or writes another room's table, and why.
var mayRead = []struct{ room, table, why string }{
	{"./migrations", "", "a migration brings data over when its table changes"},
	{"./internal/database/dbtest", "", "it fills the first version's tables, for tests of the upgrade"},
}

// TestSQL holds the SQL of every room to three rules of docs/ARCHITECTURE.md:
// who owns a table writes it, and nobody else even reads it; it is written in
// one way; and engines differ in files called dialect.go.
func TestSQL(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	owners := ownersIn(string(page))
	for _, table := range migrations.Tables() {
		if owners.of(table) == "" {
			t.Errorf("docs/ARCHITECTURE.md names no owner of the table %s", table)
		}
	}
	found, err := sqlViolations(os.DirFS(filepath.Join("..", "..")), owners)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// owners are the rooms of tables, by name or by a pattern such as memory_*.
type owners map[string]string

var ownerRow = regexp.MustCompile("(?m)^\\| (`.+) \\| `([a-z/]+)` \\|$")

// ownersIn reads the table of ARCHITECTURE that says who owns which.
func ownersIn(page string) owners {
	all := owners{}
	_, page, _ = strings.Cut(page, "| tables | owner |")
	page, _, _ = strings.Cut(page, "\n\n")
	for _, row := range ownerRow.FindAllStringSubmatch(page, -1) {
		for _, table := range regexp.MustCompile("`([a-z_*]+)`").FindAllStringSubmatch(row[1], -1) {
			all[table[1]] = "./" + row[2]
		}
	}
	return all
}

// of returns a table's room, "" when it is none of ours.
func (o owners) of(table string) string {
	for pattern, room := range o {
		if ok, err := path.Match(pattern, table); ok && err == nil {
			return room
		}
	}
	return ""
}

// sqlViolations lists what breaks the rules, in all but tests.
func sqlViolations(root fs.FS, o owners) (found []string, err error) {
	err = eachSource(root, func(name string, parsed *ast.File) {
		f := sqlFile{name: name, room: "./" + path.Dir(name), owners: o}
		ast.Inspect(parsed, f.look)
		found = append(found, f.found...)
	})
	return found, err
}

// sqlFile is a file that is looked through.
type sqlFile struct {
	name, room string
	owners     owners
	found      []string
}

// aliased is a table in a statement, with its alias where it has one.
const aliased = `[a-z_]+(?:\s+(?:AS\s+)?[a-z_][a-z0-9_]*)?`

var (
	engines   = []string{"SQLite", "Postgres", "MySQL"}
	pastQuery = []string{
		"NewRaw", "NewSelect", "NewInsert", "NewUpdate", "NewDelete", "NewMerge", "RunInTx", "BeginTx",
		"ExecContext", "QueryContext", "QueryRowContext", "PrepareContext",
	}
	tableNamed = regexp.MustCompile(`\b(?:INTO|UPDATE|FROM|JOIN)\s+(` + aliased + `(?:\s*,\s*` + aliased + `)*)`)
)

func (f *sqlFile) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		f.selected(n)
	case *ast.CompositeLit:
		f.described(n)
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			f.text(n.Value)
		}
	}
	return true
}

func (f *sqlFile) selected(n *ast.SelectorExpr) {
	if matchAny(atHome, f.room) {
		return
	}
	if slices.Contains(pastQuery, n.Sel.Name) {
		f.add("calls %s\n\tSQL is written in one way: db.Exec, Insert, Query, QueryRow of internal/database", n.Sel.Name)
	}
	from, ok := n.X.(*ast.Ident)
	if ok && from.Name == "database" && slices.Contains(engines, n.Sel.Name) && path.Base(f.name) != "dialect.go" {
		f.add("branches on database.%s\n\twhat engines do differently stands in a file called dialect.go", n.Sel.Name)
	}
}

// described looks at a table that is described for backups.
func (f *sqlFile) described(n *ast.CompositeLit) {
	if kind, ok := n.Type.(*ast.SelectorExpr); !ok || kind.Sel.Name != "Table" {
		return
	}
	for _, e := range n.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, named := field.Key.(*ast.Ident)
		value, literal := field.Value.(*ast.BasicLit)
		if named && literal && key.Name == "Name" {
			f.text("FROM " + strings.Trim(value.Value, "`\""))
		}
	}
}

// text looks for tables in a literal.
func (f *sqlFile) text(literal string) {
	text, err := strconv.Unquote(literal)
	if err != nil {
		text = literal
	}
	for _, m := range tableNamed.FindAllStringSubmatch(text, -1) {
		for table := range strings.SplitSeq(m[1], ",") {
			f.named(strings.Fields(table)[0])
		}
	}
}

func (f *sqlFile) named(table string) {
	owner := f.owners.of(table)
	if owner == "" || match(owner+"/...", f.room) {
		return
	}
	for _, x := range mayRead {
		if x.room == f.room && (x.table == "" || x.table == table) {
			return
		}
	}
	f.add("names the table %s\n\tit belongs to %s: have that export what you want of it", table, owner)
}

func (f *sqlFile) add(format string, args ...any) {
	f.found = append(f.found, f.name+" "+fmt.Sprintf(format, args...))
}

// What breaks a rule is found, and nothing else.
func TestSQLViolations(t *testing.T) {
	t.Parallel()
	o := owners{"events": "./gateway/inbox", "memory_*": "./memory"}
	for _, c := range []struct{ path, code, want string }{
		{"gateway/inbox/x.go", "var x = `DELETE FROM events`", ""},
		{"gateway/inbox/sub/x.go", "var x = `DELETE FROM events`", ""},
		{"gateway/x.go", "var x = `DELETE FROM events`", "names the table events"},
		{"gateway/x.go", "var x = \"UPDATE\\nevents SET a = 1\"", "names the table events"},
		{"gateway/x.go", "var x = `SELECT 1 FROM people p JOIN events e`", "names the table events"},
		{"gateway/x.go", "var x = `SELECT 1 FROM people, memory_points`", "names the table memory_points"},
		{"gateway/x.go", "var x = `SELECT 1 FROM people p, events e`", "names the table events"},
		{"gateway/x.go", "var x = `SELECT 1 FROM people AS p2\n, events`", "names the table events"},
		{"gateway/x.go", "var x = `SELECT 1 FROM people events WHERE a = 1`", ""},
		{"gateway/x.go", "var x = `from events we learn`", ""},
		{"gateway/x_test.go", "var x = `DELETE FROM events`", ""},
		{"backup/x.go", "var x = database.Table{Name: `memory_facts`}", "names the table memory_facts"},
		{"migrations/x.go", "var x = `DELETE FROM events`", ""},
		{"gateway/x.go", "var x = tx.NewRaw", "calls NewRaw"},
		{"gateway/x.go", "var x = db.QueryContext", "calls QueryContext"},
		{"internal/database/x.go", "var x = db.QueryContext", ""},
		{"gateway/x.go", "var x = e == database.MySQL", "branches on database.MySQL"},
		{"gateway/dialect.go", "var x = e == database.MySQL", ""},
		{"internal/replicas/x.go", "var x = e == database.MySQL", "branches on database.MySQL"},
	} {
		t.Run(c.path+" "+c.code, func(t *testing.T) {
			t.Parallel()
			got, err := sqlViolations(fstest.MapFS{c.path: {Data: []byte("package x\n\n" + c.code + "\n")}}, o)
			if err != nil {
				t.Fatal(err)
			}
			if (len(got) > 0) != (c.want != "") || c.want != "" && !strings.Contains(got[0], c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
