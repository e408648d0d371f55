// Package rendertest checks what [render] promises, for its own tests and for
// those of the platforms, the chat page and the terminal, which build on it.
package rendertest

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-bot/parley/platforms/render"
)

// Check reports how parts break the promise of [render.Split]: each is at most
// limit as measured by size, unless it is a single character, and together they
// hold all of text in order, whatever a cut adds.
func Check(text string, parts []string, limit int, size func(string) int) error {
	for i, p := range parts {
		if n := size(p); limit > 0 && n > limit && utf8.RuneCountInString(p) > 1 {
			return fmt.Errorf("part %d of %d measures %d, the limit is %d: %q", i+1, len(parts), n, limit, p)
		}
		if p == "" && text != "" {
			return errors.New("an empty part")
		}
	}
	return inOrder(text, strings.Join(parts, ""), func(r rune) bool { return !unicode.IsSpace(r) })
}

// Text returns the text that a platform has to show of blocks: all but the
// languages of code blocks and the numbers of lists.
func Text(blocks []render.Block) string {
	var b strings.Builder
	flatten(&b, blocks, false)
	return b.String()
}

func flatten(b *strings.Builder, blocks []render.Block, all bool) {
	spans := func(spans []render.Span) {
		for _, s := range spans {
			b.WriteString(s.Text)
			if s.URL != s.Text {
				b.WriteString(" " + s.URL)
			}
		}
		b.WriteByte('\n')
	}
	for _, block := range blocks {
		spans(block.Spans)
		if all {
			b.WriteString(block.Language + "\n")
		}
		b.WriteString(block.Text + "\n")
		flatten(b, block.Blocks, all)
		for i, item := range block.Items {
			if all {
				b.WriteString(strconv.Itoa(block.Start+i) + " ")
			}
			flatten(b, item, all)
		}
		for _, row := range block.Rows {
			for _, cell := range row {
				spans(cell)
			}
		}
	}
}

// Parsed reports what of the text of source is missing in blocks.
func Parsed(source string, blocks []render.Block) error {
	var b strings.Builder
	flatten(&b, blocks, true)
	if strings.Contains(source, "|") { // in a cell it is a line break and no text
		source = regexp.MustCompile(`(?i)<br\s*/?>`).ReplaceAllString(source, "")
	}
	number := regexp.MustCompile(`(?m)^([ \t>*+-]*\d{1,9}[.)]([ \t]+|$))+`)
	return inOrder(number.ReplaceAllString(source, ""), b.String(), letter)
}

// Shown reports what of the text of source is missing in what a platform shows,
// text and the addresses of links.
func Shown(source, shown string) error {
	return inOrder(Text(render.Parse(source)), shown, letter)
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// inOrder reports the first of the characters of text that count which does
// not come in shown after those before it.
func inOrder(text, shown string, counts func(rune) bool) error {
	rest := strings.ToValidUTF8(shown, "\ufffd")
	for i, r := range strings.ToValidUTF8(text, "\ufffd") {
		if !counts(r) {
			continue
		}
		at := strings.IndexRune(rest, r)
		if at < 0 {
			return fmt.Errorf("%q at byte %d is missing\ntext  %q\nshown %q", r, i, text, shown)
		}
		rest = rest[at+utf8.RuneLen(r):]
	}
	return nil
}
