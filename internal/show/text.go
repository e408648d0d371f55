package show

import (
	"strings"
	"unicode"
)

// steers reports whether r does something to a terminal instead of being
// shown: a control character of either block (C0 with ESC and DEL, C1, whose
// U+009B begins a sequence by itself), or one that turns the direction of what
// follows. A line end and a tab are part of a text.
func steers(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// Text returns s without what would steer a terminal. Lines stay lines.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return -1
		}
		return r
	}, s)
}

// Line returns s on one line of no more than limit characters, without what
// would steer a terminal; limit 0 leaves its length.
func Line(s string, limit int) string {
	runes := []rune(strings.Join(strings.Fields(Text(s)), " "))
	if limit > 0 && len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}
