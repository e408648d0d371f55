// Package rendertest checks what [render.Split] promises, for its own tests
// and for those of the adapters that build on it.
package rendertest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Check reports how parts break the promise: each is at most limit as
// measured by size, unless it is a single character, and without the fences
// added at cuts they are exactly text.
func Check(text string, parts []string, limit int, size func(string) int) error {
	for i, p := range parts {
		if n := size(p); limit > 0 && n > limit && utf8.RuneCountInString(p) > 1 {
			return fmt.Errorf("part %d of %d measures %d, the limit is %d: %q", i+1, len(parts), n, limit, p)
		}
	}
	if text == "" && strings.Join(parts, "") == "" {
		return nil
	}
	if !joins(text, 0, parts, "") {
		return fmt.Errorf("the parts do not add up\ntext  %q\nparts %q", text, parts)
	}
	return nil
}

// joins reports whether parts are text[at:] once the fences are taken away
// that a cut inside a code block adds. head is the line that the cut before repeats.
func joins(text string, at int, parts []string, head string) bool {
	if len(parts) == 0 {
		return at == len(text) && head == ""
	}
	body, ok := strings.CutPrefix(parts[0], head)
	if !ok || body == "" {
		return false
	}
	if strings.HasPrefix(text[at:], body) && joins(text, at+len(body), parts[1:], "") {
		return true
	}
	nl := strings.LastIndexByte(body, '\n')
	for _, end := range []int{nl + 1, nl} { // the line break may be the text's own
		if end <= 0 || !strings.HasPrefix(text[at:], body[:end]) {
			continue
		}
		before := text[:at+end]
		open := Open(before[:strings.LastIndexByte(before, '\n')+1]) // a line that is cut is no fence
		if open != "" && body[nl+1:] == fenceOf(open) && joins(text, at+end, parts[1:], open) {
			return true
		}
	}
	return false
}

// fenceOf returns the line that opened a code block without its info string.
func fenceOf(open string) string {
	rest := strings.TrimLeft(open, " \t")
	run := len(rest) - len(strings.TrimLeft(rest, rest[:1]))
	return open[:len(open)-len(rest)+run]
}

// Open returns the line of the code block that is open at the end of text, ""
// when there is none.
func Open(text string) string {
	open := ""
	for l := range strings.Lines(text) {
		trimmed := strings.TrimLeft(l, " \t")
		if !strings.HasPrefix(trimmed, "```") && !strings.HasPrefix(trimmed, "~~~") {
			continue
		}
		fence := strings.TrimLeft(fenceOf(l), " \t")
		info := strings.TrimSpace(trimmed[len(fence):])
		switch {
		case open == "" && (fence[0] == '~' || !strings.Contains(info, "`")):
			open = l
		case open != "" && info == "" && closes(l, open):
			open = ""
		}
	}
	return open
}

// closes reports whether the fence of l can close the one of open: the same
// character, no fewer of them, indented by at most three more.
func closes(l, open string) bool {
	a, b := strings.TrimLeft(fenceOf(l), " \t"), strings.TrimLeft(fenceOf(open), " \t")
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }
	return strings.HasPrefix(a, b) && indent(l) <= indent(open)+3
}
