package render

import (
	"strings"
	"unicode"
)

// Kind says what a [Block] is.
type Kind uint8

// The kinds of blocks, with the fields that they use.
const (
	Paragraph Kind = iota // Spans
	Heading               // Spans, Level
	Code                  // Text, Language
	Quote                 // Blocks
	List                  // Items, Ordered, Start
	Table                 // Rows, Align
	Rule                  // a line across
)

// Block is a piece of a text that stands by itself. Unused fields are empty.
type Block struct {
	Kind   Kind
	Spans  []Span
	Blocks []Block

	Level int // of a heading, 1 to 6

	Text     string // of code, without the last line break
	Language string // of code: a word such as "go"; may be empty

	Items   [][]Block
	Ordered bool
	Start   int // the number of the first item

	Rows  [][]Cell // the head first; all are equally long
	Align []Align  // of each column
}

// Cell is one field of a table.
type Cell []Span

// Align says to which side the cells of a column lean.
type Align uint8

// The alignments.
const (
	Natural Align = iota
	Left
	Center
	Right
)

// Style is how a span looks: any of the flags together.
type Style uint8

// The styles.
const (
	Bold Style = 1 << iota
	Italic
	Strike
	Mono // code
)

// Span is text of one look. Line breaks in it are to be shown.
type Span struct {
	Text  string
	Style Style
	URL   string // of a link: http, https or mailto; "" = no link
}

// Plain reports whether source, from which blocks were parsed, holds no markup
// at all, so that it says all there is and may be shown as it stands.
func Plain(source string, blocks []Block) bool {
	var text strings.Builder
	for _, b := range blocks {
		if b.Kind != Paragraph {
			return false
		}
		for _, s := range b.Spans {
			if s.Style != 0 || s.URL != "" {
				return false
			}
			text.WriteString(s.Text)
		}
	}
	return withoutSpace(text.String()) == withoutSpace(source)
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, clean(s))
}

// Text returns the text of spans alone.
func Text(spans []Span) string {
	if len(spans) == 1 {
		return spans[0].Text
	}
	var all []byte
	for _, s := range spans {
		all = append(all, s.Text...)
	}
	return string(all)
}
