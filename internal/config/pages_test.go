package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPagesNameKeys holds the keys that two pages for admins name to the
// configuration.
func TestPagesNameKeys(t *testing.T) {
	t.Parallel()
	keys := Keys()
	key := regexp.MustCompile("`((?:server|platforms|access|ai|gateway|commands|memory|scheduler|monitor|conversation_persistence)\\.[a-z_.]+)`")
	for _, page := range []string{"upgrade.md", "security.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		found := key.FindAllStringSubmatch(string(text), -1)
		if len(found) < 5 {
			t.Errorf("docs/%s: only %d keys were found", page, len(found))
		}
		for _, m := range found {
			if !slices.ContainsFunc(keys, func(k string) bool { return k == m[1] || strings.HasSuffix(k, "."+m[1]) }) {
				t.Errorf("docs/%s names %s, which is no key", page, m[1])
			}
		}
	}
}
