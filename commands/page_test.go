package commands_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page that says how to write a command shows the code that is compiled
// and tested: each of its Go blocks stands in the example word by word.
func TestPageShowsTheExample(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_todo_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	shown := ""
	for _, b := range blocks {
		shown += b[1]
		if !strings.Contains(string(example), strings.TrimSpace(b[1])) {
			t.Errorf("not in example_todo_test.go:\n%s", b[1])
		}
	}
	for _, name := range []string{"const todosTable", "type todos struct", "addTx(", "list(", "forgetTx(", "func todo("} {
		if !strings.Contains(shown, name) {
			t.Errorf("the page does not show %s", name)
		}
	}
}

// Every command has its line on the page, and no line is about one that is not there.
func TestPageListsEveryCommand(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(englishHelp) {
		name := strings.Fields(strings.TrimPrefix(line, "!bot "))[0]
		name = strings.TrimSuffix(name, ",")
		if strings.HasPrefix(line, "!bot ") && !strings.Contains(string(page), "\n| `/"+name) {
			t.Errorf("docs/commands.md has no row about /%s", name)
		}
	}
}
