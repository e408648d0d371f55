// Package shorten cuts texts that are too long, never inside a character that
// people see: an emoji of several code points, a letter with its accent.
package shorten

import (
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Mark stands where a text was cut.
const Mark = "…"

// Bytes returns the longest start of s of at most limit bytes that ends behind
// a whole character. A character that is larger than limit by itself is cut
// between its code points.
func Bytes(s string, limit int) string {
	return s[:end(s, limit, func(c string) int { return len(c) })]
}

// Runes is Bytes with a limit in code points.
func Runes(s string, limit int) string { return s[:end(s, limit, utf8.RuneCountInString)] }

// Line returns s as it is up to so many code points, else its start and [Mark].
func Line(s string, limit int) string {
	if cut := Runes(s, limit); cut != s {
		return cut + Mark
	}
	return s
}

// end returns where to cut s so that it has at most limit, as measured by size.
func end(s string, limit int, size func(string) int) int {
	if len(s) <= limit { // neither has more code points than bytes
		return len(s)
	}
	at, used, state := 0, 0, -1
	for at < len(s) {
		var c string
		c, _, _, state = uniseg.FirstGraphemeClusterInString(s[at:min(len(s), at+maxCluster)], state)
		if n := size(c); used+n <= limit {
			used, at = used+n, at+len(c)
			continue
		}
		if at == 0 {
			return between(c, limit, size)
		}
		break
	}
	return at
}

// maxCluster bounds how far the end of one character is looked for, in bytes.
const maxCluster = 1 << 10

// between returns where a single character is cut between its code points.
func between(c string, limit int, size func(string) int) int {
	at := 0
	for at < len(c) {
		_, n := utf8.DecodeRuneInString(c[at:])
		if size(c[:at+n]) > limit {
			break
		}
		at += n
	}
	return at
}
