package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/parley-bot/parley"

// file is one Go file: what it imports and where it belongs.
type file struct {
	path    string   // within the module, with slashes
	imports []string // this module's own packages as "./name"
}

// room is the package the file belongs to, as "./name".
func (f file) room() string { return "./" + path.Dir(f.path) }

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// violations lists each import that a rule forbids, with the rule's reason.
func violations(rules []rule, files []file) []string {
	var found []string
	for _, f := range files {
		for _, r := range rules {
			found = append(found, r.broken(f)...)
		}
	}
	return found
}

func (r rule) broken(f file) []string {
	if !r.binds(f) {
		return nil
	}
	var found []string
	for _, imp := range f.imports {
		if matchAny(r.deny, imp) && !matchAny(r.allow, imp) {
			found = append(found, fmt.Sprintf("%s imports %s\n\trule %s: %s", f.path, imp, r.name, r.why))
		}
	}
	return found
}

func (r rule) binds(f file) bool {
	if f.isTest() && !r.tests {
		return false
	}
	if len(r.in) > 0 && !matchAny(r.in, f.room()) {
		return false
	}
	return !matchAny(r.except, f.room())
}

func matchAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, pkg) })
}

// match works as the go command's patterns do: "a/..." is a and all below it.
func match(pattern, pkg string) bool {
	parent, tree := strings.CutSuffix(pattern, "/...")
	return pkg == parent || tree && strings.HasPrefix(pkg, parent+"/")
}

// readTree reads the imports of every Go file of the module, whatever system or
// build tag it is for.
func readTree(root fs.FS) ([]file, error) {
	var files []file
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(name)
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		imports, err := readImports(root, name)
		files = append(files, file{path: name, imports: imports})
		return err
	})
	return files, err
}

// skip leaves out the folders that the go command leaves out.
func skip(dir string) error {
	base := path.Base(dir)
	if dir != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
		return fs.SkipDir
	}
	return nil
}

func readImports(root fs.FS, name string) ([]string, error) {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	imports := make([]string, 0, len(parsed.Imports))
	for _, spec := range parsed.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		imports = append(imports, local(imp))
	}
	return imports, nil
}

// local names the module's own packages as "./name", others as they are.
func local(imp string) string {
	if imp == module {
		return "."
	}
	if rest, ours := strings.CutPrefix(imp, module+"/"); ours {
		return "./" + rest
	}
	return imp
}
