package render

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	gmtext "github.com/yuin/goldmark/text"
)

// wrap is what makes a piece of a code block or table one of its own: the
// opening fence and a closing one, or the head of the table.
type wrap struct {
	head, tail   string // "" = it is not repeated
	headN, tailN int    // their sizes, with the line break before the tail
	table        bool
}

func (w *wrap) headSize() int {
	if w == nil {
		return 0
	}
	return w.headN
}

func (w *wrap) tailSize() int {
	if w == nil {
		return 0
	}
	return w.tailN
}

// fit gives up repeating what leaves too little room for what stands inside:
// head and tail, and a last line that must not be cut.
func (w *wrap) fit(limit, lastLine int) {
	const longest = 4 // bytes of a character
	if limit-w.headN-w.tailN-lastLine < max(limit/4, longest) {
		w.head, w.tail, w.headN, w.tailN = "", "", 0, 0
	}
}

// role says what a line is.
type role uint8

const (
	plain   role = iota
	block        // begins a block of its own
	item         // begins an item of a list that is such a block
	opener       // opens a code block, or belongs to a table's head
	content      // stands in a code block or table
	closer       // closes a code block
)

// line is one line of the text with its line break.
type line struct {
	text    string
	role    role
	wrap    *wrap // the code block or table it belongs to; nil outside
	listed  bool  // stands in a list
	heading bool
	begins  bool // begins a block of its own, whatever its role
	table   bool // begins a table
}

// outline finds the lines of a text and what they are.
type outline struct {
	lines   []line
	starts  []int // where they begin
	measure func(string) int
	limit   int
}

func readLines(text string, l Limits) []line {
	o := outline{measure: l.Measure, limit: l.Size}
	at := 0
	for s := range strings.Lines(text) {
		o.lines = append(o.lines, line{text: s})
		o.starts = append(o.starts, at)
		at += len(s)
	}
	for n := newParser(&emphasis{}).Parse(gmtext.NewReader(sameLength(text))).FirstChild(); n != nil; n = n.NextSibling() {
		o.topLevel(n)
	}
	return o.lines
}

// sameLength returns text with its shape, and nothing that is no character.
func sameLength(text string) []byte {
	b := []byte(text)
	for i := 0; i < len(b); {
		r, width := utf8.DecodeRune(b[i:])
		if r == 0 || (r == utf8.RuneError && width == 1) {
			b[i] = '?'
		}
		i += width
	}
	return b
}

// lineOf returns the line in which a byte of the text stands.
func (o *outline) lineOf(at int) int {
	return max(0, sort.SearchInts(o.starts, at+1)-1)
}

func (o *outline) topLevel(n ast.Node) {
	first := o.lineOf(n.Pos())
	l := &o.lines[first]
	l.begins = true
	l.role = block
	l.heading = n.Kind() == ast.KindHeading
	if list, ok := n.(*ast.List); ok {
		o.list(list, first)
	}
	o.inside(n)
}

func (o *outline) list(n *ast.List, first int) {
	last := len(o.lines)
	if next := n.NextSibling(); next != nil {
		last = o.lineOf(next.Pos())
	}
	for i := first; i < last; i++ {
		o.lines[i].listed = true
	}
	for it := n.FirstChild(); it != nil; it = it.NextSibling() {
		if l := &o.lines[o.lineOf(it.Pos())]; l.role == plain {
			l.role = item
		}
	}
}

// inside finds the code blocks and tables in n.
func (o *outline) inside(n ast.Node) {
	switch n := n.(type) {
	case *ast.FencedCodeBlock:
		o.fence(n)
	case *extast.Table:
		o.table(n)
	case *ast.Blockquote, *ast.List, *ast.ListItem:
		for child := n.FirstChild(); child != nil; child = child.NextSibling() {
			o.inside(child)
		}
	}
}

func (o *outline) fence(n *ast.FencedCodeBlock) {
	first := o.lineOf(n.Pos())
	opening := o.lines[first].text
	at := n.Pos() - o.starts[first]
	mark := opening[at : at+fenceRun(opening[at:])]
	w := &wrap{head: goingOn(opening[:at]) + opening[at:], tail: goingOn(opening[:at]) + mark}
	w.headN, w.tailN = o.measure(w.head), o.measure("\n"+w.tail)
	w.fit(o.limit, 0)
	o.mark(first, opener, w)
	inner := n.Lines().Len()
	for i := first + 1; i <= first+inner && i < len(o.lines); i++ {
		o.mark(i, content, w)
	}
	if end := first + 1 + inner; end < len(o.lines) && closesFence(o.lines[end].text, mark) {
		o.mark(end, closer, w)
		w.fit(o.limit, o.measure(o.lines[end].text))
	}
}

func (o *outline) table(n *extast.Table) {
	first := o.lineOf(n.Pos())
	if first+1 >= len(o.lines) {
		return
	}
	at := n.Pos() - o.starts[first]
	head, delimiters := o.lines[first].text, o.lines[first+1].text
	w := &wrap{head: goingOn(head[:at]) + head[at:] + delimiters, table: true}
	w.headN = o.measure(w.head)
	w.fit(o.limit, 0)
	o.lines[first].table = true
	o.mark(first, opener, w)
	o.mark(first+1, opener, w)
	for i := first + 2; i <= first+n.ChildCount() && i < len(o.lines); i++ {
		o.mark(i, content, w)
	}
}

func (o *outline) mark(i int, r role, w *wrap) { o.lines[i].role, o.lines[i].wrap = r, w }

// goingOn returns what stands before a later line of what begins behind
// prefix: the marks of quotes stay, those of lists are spaces.
func goingOn(prefix string) string {
	return strings.Map(func(r rune) rune {
		if r == '>' || r == '\t' {
			return r
		}
		return ' '
	}, prefix)
}

func fenceRun(s string) int {
	run := 0
	for run < len(s) && s[run] == s[0] {
		run++
	}
	return run
}

// closesFence reports whether a line, in quotes or not, is the end of a code block.
func closesFence(l, mark string) bool {
	l = strings.Trim(l, "> \t\r\n")
	return len(l) >= len(mark) && strings.Trim(l, mark[:1]) == ""
}

// fencesAhead tells for each byte of s whether a line that began there would
// look like the line of a fence.
func fencesAhead(s string) []bool {
	ahead := make([]bool, len(s)+1)
	run := 0
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case '`', '~':
			if run == 0 || s[i] != s[i+1] {
				run = 0
			}
			run++
			ahead[i] = run >= 3
		case ' ', '\t':
			ahead[i] = ahead[i+1]
			run = 0
		default:
			run = 0
		}
	}
	return ahead
}
