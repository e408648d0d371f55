package migrations

import (
	"regexp"
	"slices"
)

var created = regexp.MustCompile(`^CREATE TABLE IF NOT EXISTS ([a-z_]+)`)

// Tables returns the tables that the migrations have made, but not those in
// which they are recorded themselves.
func Tables() []string {
	var names []string
	for _, s := range steps() {
		for _, statement := range s.up {
			if m := created.FindStringSubmatch(statement); m != nil {
				names = append(names, m[1])
			}
		}
	}
	slices.Sort(names)
	return names
}
