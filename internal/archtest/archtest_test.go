package archtest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tree is the module that this test stands in.
func tree(t *testing.T) []file {
	t.Helper()
	const root = "../.."
	mod, err := os.ReadFile(root + "/go.mod")
	if err != nil || !strings.HasPrefix(string(mod), "module "+module+"\n") {
		t.Fatalf("%s/go.mod is not the module %s: %v", root, module, err)
	}
	files, err := readTree(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("read %d files only: this is not the whole module", len(files))
	}
	return files
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, v := range violations(rules(), tree(t)) {
		t.Error(v)
	}
}

// A rule about a room that was renamed would hold for ever and mean nothing.
func TestRulesNameRoomsThatExist(t *testing.T) {
	t.Parallel()
	files := tree(t)
	for _, r := range rules() {
		for _, room := range slices.Concat(r.in, r.except) {
			there := slices.ContainsFunc(files, func(f file) bool { return match(room, f.room()) })
			if !there {
				t.Errorf("rule %s names %s, where no Go file is", r.name, room)
			}
		}
	}
}

// What is called …test is for tests, and the list of suites has it.
func TestSuitesAreListed(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		room := f.room()
		if !f.isTest() && strings.HasSuffix(room, "test") && room != "./internal/archtest" && !matchAny(suites(), room) {
			t.Errorf("suites() lacks %s", room)
		}
	}
}

func TestRulesHaveReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rules() {
		if len(r.why) < 20 {
			t.Errorf("rule %q says why in %q only", r.name, r.why)
		}
		if len(r.deny) == 0 {
			t.Errorf("rule %q forbids nothing", r.name)
		}
		if seen[r.name] {
			t.Errorf("two rules are called %q", r.name)
		}
		seen[r.name] = true
	}
}

// Each rule finds what it is for, and leaves the neighbours alone. rule is empty
// where nothing is wrong.
func TestPlantedViolations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, imp, rule string }{
		{"gateway/x.go", "github.com/labstack/echo/v4", "vendor-echo"},
		{"gateway/x_test.go", "github.com/labstack/echo/v4/middleware", "vendor-echo"},
		{"internal/web/x.go", "github.com/labstack/echo/v4", ""},
		{"internal/website/x.go", "github.com/labstack/echo/v4", "vendor-echo"},
		{"platforms/slack/x.go", "github.com/larksuite/oapi-sdk-go/v3/core", "vendor-feishu"},
		{"platforms/feishu/x.go", "github.com/larksuite/oapi-sdk-go/v3/core", ""},
		{"internal/app/x.go", "github.com/slack-go/slack", "vendor-slack"},
		{"internal/fakes/fakeslack/x.go", "github.com/slack-go/slack/slackevents", "vendor-slack"},
		{"ai/x.go", "github.com/sashabaranov/go-openai", "vendor-openai"},
		{"ai/openai/x.go", "github.com/sashabaranov/go-openai", ""},
		{"ai/x.go", "github.com/modelcontextprotocol/go-sdk/mcp", "vendor-mcp"},
		{"ai/mcp/x_test.go", "github.com/modelcontextprotocol/go-sdk/mcp", ""},
		{"admin/x.go", "github.com/go-co-op/gocron/v2", "vendor-gocron"},
		{"platforms/slack/x.go", "github.com/yuin/goldmark/ast", "vendor-markdown"},
		{"memory/x.go", "github.com/aws/aws-sdk-go-v2/service/dynamodb", "vendor-aws"},
		{"memory/dynamo/x.go", "github.com/aws/aws-sdk-go-v2/service/dynamodb", ""},
		{"conversation/x_test.go", "github.com/jackc/pgx/v5", "driver-postgres"},
		{"memory/x.go", "github.com/go-sql-driver/mysql", "driver-mysql"},
		{"migrations/x.go", "modernc.org/sqlite", "driver-sqlite"},

		{"platforms/slack/x.go", module + "/platforms/generic", "adapters"},
		{"platforms/generic/x.go", module + "/gateway/inbox", "adapters"},
		{"platforms/feishu/x.go", module + "/internal/database", "adapters"},
		{"platforms/feishu/x.go", module + "/internal/failure", ""},
		{"platforms/feishu/x.go", module + "/platforms/render", ""},
		{"platforms/feishu/x.go", module + "/platforms", ""},
		{"platforms/feishu/x_test.go", module + "/platforms/platformtest", ""},

		{"conversation/x.go", module + "/platforms", "domain-platforms"},
		{"ai/openai/x.go", module + "/gateway", "domain-platforms"},
		{"memory/x.go", module + "/conversation", ""},
		{"commands/x.go", "net/http", "domain-http"},
		{"conversation/conversationtest/x.go", "net/http/httptest", "domain-http"},
		{"ai/openai/x.go", "net/http", ""},
		{"ai/x_test.go", "net/http", ""},

		{"gateway/turn/x.go", module + "/platforms/slack", "gateway-one-way"},
		{"internal/cli/x.go", module + "/platforms/feishu", "registry"},
		{"internal/app/x.go", module + "/platforms/feishu", ""},
		{"gateway/outbox/x.go", "net/http", "gateway-one-way"},
		{"gateway/x.go", module + "/internal/web/respond", "gateway-one-way"},
		{"gateway/x.go", module + "/platforms", ""},

		{"admin/x.go", "database/sql", "sql"},
		{"commands/x_test.go", "github.com/uptrace/bun", "bun"},
		{"scheduler/x.go", "database/sql", ""},
		{"test/e2e/x_test.go", "database/sql", ""},

		{"scheduler/x.go", module + "/internal/config", "composition"},
		{"admin/x_test.go", module + "/internal/app", "composition"},
		{"internal/cli/x.go", module + "/internal/app", ""},
		{"test/e2e/x_test.go", module + "/internal/config", ""},

		{"internal/failure/x.go", module + "/platforms", "foundation"},
		{"internal/database/x.go", module + "/conversation", "foundation"},
		{"internal/database/x_test.go", "unsafe", "unsafe"},
		{"platforms/render/x.go", module + "/platforms", "foundation"},
		{"migrations/x.go", module + "/internal/database", ""},

		{"internal/app/x.go", module + "/internal/fakes/fakeslack", "fakes"},
		{"internal/app/x_test.go", module + "/internal/fakes/fakeslack", ""},
		{"internal/app/x.go", module + "/internal/database/dbtest", "suites"},
		{"ai/x.go", module + "/ai/mcp/mcptest", "suites"},
		{"memory/x_test.go", module + "/internal/database/dbtest", ""},
		{"platforms/platformtest/x.go", module + "/platforms/render/rendertest", ""},
	} {
		t.Run(c.path+" "+c.imp, func(t *testing.T) {
			t.Parallel()
			got := violations(rules(), plant(t, c.path, c.imp))
			if c.rule == "" {
				if len(got) > 0 {
					t.Errorf("nothing is wrong here, but: %q", got)
				}
				return
			}
			if !slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, "rule "+c.rule+": ") }) {
				t.Errorf("rule %s did not find it; found: %q", c.rule, got)
			}
		})
	}
}

// plant reads a module of one file, as TestImports reads the real one.
func plant(t *testing.T, path, imp string) []file {
	t.Helper()
	files, err := readTree(fstest.MapFS{
		path:             {Data: []byte("package x\n\nimport _ \"" + imp + "\"\n")},
		".git/x.go":      {Data: []byte("not Go")},
		"testdata/x.go":  {Data: []byte("not Go")},
		"docs/readme.md": {Data: []byte("not Go")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Fatalf("read %d files, want the planted one", len(files))
	}
	return files
}

// The reason is in the text, so that nobody has to look for it.
func TestViolationSaysFileImportAndReason(t *testing.T) {
	t.Parallel()
	got := violations(rules(), plant(t, "commands/x.go", "net/http"))
	want := "commands/x.go imports net/http\n\trule domain-http: the domain does not know HTTP; ai/openai, ai/mcp and ai/fetch alone talk to servers"
	if len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestBrokenFileIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := readTree(fstest.MapFS{"a/x.go": {Data: []byte("packag x")}}); err == nil {
		t.Error("a file that does not parse must not pass for one without imports")
	}
}
