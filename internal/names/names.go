// Package names makes what people call themselves safe to show: on a board, in
// a history and before a text in a prompt, where a name must not pose as
// another line, another person or nothing at all.
package names

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxLen bounds a name, in characters.
	MaxLen = 64
	// maxBytes is what the stores keep of one.
	maxBytes = 255
)

// Clean returns a name as one line that shows whatever it holds: every kind of
// space is one blank, and what controls, formats, turns the direction of
// writing, separates lines or is invisible is left out. It is cut to [MaxLen].
func Clean(name string) string {
	var b strings.Builder
	length, gap := 0, false
	for _, r := range strings.ToValidUTF8(name, "\uFFFD") {
		if unicode.IsSpace(r) {
			gap = length > 0
			continue
		}
		if !visible(r) {
			continue
		}
		more := 1
		if gap {
			more++
		}
		if length+more > MaxLen || b.Len()+more-1+utf8.RuneLen(r) > maxBytes {
			break
		}
		if gap {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		length, gap = length+more, false
	}
	return b.String()
}

// visible reports whether a character shows something where it stands.
func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
