package upgrade_test

import (
	"maps"
	"regexp"
	"slices"
)

// change is an answer that the contract has changed since the version before.
type change struct {
	what *regexp.Regexp          // of the answer's name
	why  string                  // the contract
	now  func(was string) string // what the answer is now
}

// changes are all of them.
func changes() []change {
	return []change{}
}

func changeOf(what string) *change {
	for _, c := range changes() {
		if c.what.MatchString(what) {
			return &c
		}
	}
	return nil
}

func sorted(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
