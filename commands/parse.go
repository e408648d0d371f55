package commands

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse splits a command, known or not, into its name, as typed, and the raw
// text after it, trimmed at both ends. The name of a text that is no command is
// empty: it does not start with the prefix ("" = "/"), or nothing follows right after.
func Parse(prefix, text string) (name, rest string) {
	text, ok := strings.CutPrefix(text, cmp.Or(prefix, "/"))
	if !ok {
		return "", ""
	}
	if name, rest = cutWord(text); name == "" {
		return "", ""
	}
	return name, rest
}

// cutWord splits s after its first word; s that starts with a space has none.
// The rest is trimmed and otherwise as it was.
func cutWord(s string) (word, rest string) {
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		return s[:end], strings.TrimSpace(s[end:])
	}
	return s, ""
}

// CutArgument splits the first argument off s, which may begin with spaces. An
// argument in quotes ("two words", “two words”) may hold spaces and be empty;
// a quote inside a word, or one that is never closed before a space or the
// end, is a character like any other. The rest is trimmed and otherwise as it
// was. ok is false when s holds nothing but spaces.
func CutArgument(s string) (argument, rest string, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", "", false
	}
	if argument, rest, ok := cutQuoted(s); ok {
		return argument, rest, true
	}
	argument, rest = cutWord(s)
	return argument, rest, true
}

// cutQuoted splits a quoted argument off s, if it begins with one.
func cutQuoted(s string) (argument, rest string, ok bool) {
	for _, quotes := range [][2]string{{`"`, `"`}, {"“", "”"}} {
		body, found := strings.CutPrefix(s, quotes[0])
		for from := 0; found; {
			end := strings.Index(body[from:], quotes[1])
			if end < 0 {
				break
			}
			end += from
			after := body[end+len(quotes[1]):]
			next, _ := utf8.DecodeRuneInString(after)
			if after == "" || unicode.IsSpace(next) {
				return body[:end], strings.TrimSpace(after), true
			}
			from = end + len(quotes[1])
		}
	}
	return "", "", false
}

// arguments splits s into its arguments.
func arguments(s string) []string {
	var list []string
	for {
		argument, rest, ok := CutArgument(s)
		if !ok {
			return list
		}
		list = append(list, argument)
		s = rest
	}
}
