package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTests holds the tests that docs/security.md names, as
// `room.TestName`, to the code: each is there, and each threat has one.
func TestSecurityNamesTests(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, threats, found := strings.Cut(string(page), "## What an attacker would try")
	if !found {
		t.Fatal("docs/security.md has no list of threats")
	}
	named := regexp.MustCompile("`([a-z0-9/]+)\\.(Test[A-Za-z0-9_]+)`")
	for _, m := range named.FindAllStringSubmatch(string(page), -1) {
		if !declares(t, filepath.Join(root, m[1]), m[2]) {
			t.Errorf("docs/security.md names %s, which ./%s does not have", m[2], m[1])
		}
	}
	rows := 0
	for row := range strings.Lines(threats) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| threat") || strings.HasPrefix(row, "| ---") {
			continue
		}
		if rows++; !named.MatchString(row) {
			t.Errorf("no test shows it: %s", row)
		}
	}
	if rows < 20 {
		t.Errorf("only %d threats were found", rows)
	}
}

// declares reports whether a test file of the room has the test.
func declares(t *testing.T, room, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(room, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
