package platformtest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Published returns the JSON objects that stand in the tests of a vendor's module:
// what the vendor says that its platform sends and answers.
func Published(t *testing.T, module string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, text := range literals(t, module, "", "_test.go") {
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) == nil && len(object) > 0 {
			all = append(all, object)
		}
	}
	return all
}

// Named returns the texts in a folder of a vendor's module that is says yes to,
// such as the types of the events that it knows.
func Named(t *testing.T, module, folder string, is func(string) bool) []string {
	t.Helper()
	return slices.DeleteFunc(literals(t, module, folder, ".go"), func(text string) bool { return !is(text) })
}

// literals returns the texts in Go files of a module's folder, each once, sorted.
func literals(t *testing.T, module, folder, suffix string) []string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("where is %s: %v", module, err)
	}
	var found []string
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(dir)), folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil {
					found = append(found, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}
