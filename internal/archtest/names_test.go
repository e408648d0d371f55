package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// vendorName finds a platform's name where it is more than part of a sentence:
// a text that is the name, or begins with it as keys, paths and hosts do.
var vendorName = regexp.MustCompile(`^/?(webhooks/)?(slack|feishu|lark)([./:]|$)|\b(slack|feishu|larksuite)\.(com|cn)\b`)

// mayName are the rooms that know the platforms by name.
var mayName = []string{
	"./platforms/slack/...", "./platforms/feishu/...", // their own
	"./internal/app", "./internal/config", "./internal/setup", // the registry, the settings, and how an app is created
	"./internal/fakes/...", "./test/...", "./memory/memorytest", "./conversation/conversationtest", // examples of tests
}

// TestPlatformNames holds the program to knowing each platform in three places:
// its folder, the registry, and the configuration. Whoever else names one has
// to be found and changed when another comes.
func TestPlatformNames(t *testing.T) {
	t.Parallel()
	found, err := namesIn(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

func TestPlantedNames(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]bool{
		"slack": true, "feishu": true, "slack.sales": true, "/webhooks/slack": true, "slack:private:U1": true, "https://slack.com/api": true,
		"slack is off": false, "a platform such as slack": false, "slackline": false, "generic": false,
	} {
		found, err := namesIn(fstest.MapFS{
			"gateway/x.go":         {Data: []byte("package x\n\nvar x = " + strconv.Quote(text) + "\n")},
			"gateway/x_test.go":    {Data: []byte("package x\n\nvar y = " + strconv.Quote(text) + "\n")},
			"platforms/slack/x.go": {Data: []byte("package x\n\nvar x = " + strconv.Quote(text) + "\n")},
		})
		if err != nil || (len(found) == 1) != wrong {
			t.Errorf("%q: found %q, %v", text, found, err)
		}
	}
}

// namesIn lists the texts that name a platform where none should, in all but tests.
func namesIn(root fs.FS) (found []string, err error) {
	err = eachSource(root, func(name string, parsed *ast.File) {
		if matchAny(mayName, "./"+path.Dir(name)) {
			return
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && vendorName.MatchString(text) {
					found = append(found, name+" names a platform: "+lit.Value+"\n\tonly its own folder, internal/app and internal/config know its name")
				}
			}
			return true
		})
	})
	return found, err
}

// eachSource calls do with every parsed file of the module, tests left out.
func eachSource(root fs.FS, do func(name string, parsed *ast.File)) error {
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(name)
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err == nil {
			do(name, parsed)
		}
		return err
	})
}
