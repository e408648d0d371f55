package commands

import (
	"slices"
	"strings"
	"unicode"
)

// near returns the command's name or alias that somebody who typed name most
// likely meant, "" when there is none: one slip of the finger in a short name,
// two in a long one.
func near(name string, names []string) string {
	typed, best, least := []rune(name), "", 3
	odd := func(r rune) bool { return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	if len(typed) > 40 || strings.ContainsFunc(name, odd) {
		return ""
	}
	for _, candidate := range names {
		meant := []rune(candidate)
		allowed := 1
		if min(len(typed), len(meant)) > 5 {
			allowed = 2
		}
		if len(meant) < 3 {
			allowed = 0
		}
		if d := slips(typed, meant); d <= allowed && d < least {
			best, least = candidate, d
		}
	}
	return best
}

// slips returns how many characters have to be added, left out, replaced or
// swapped with their neighbour to make b of a (optimal string alignment).
func slips(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// names returns every name and alias, in alphabetical order.
func (r *Registry) names() []string {
	list := make([]string, 0, len(r.byName))
	for name := range r.byName {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
