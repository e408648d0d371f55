package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// rank says how good a place is for a cut; lower is better.
type rank uint8

const (
	blockBorder rank = iota // between two blocks
	itemBorder              // between two items of a list
	newline
	rowBorder // between two lines of a code block or rows of a table
	sentence
	word
	cluster       // anywhere between two grapheme clusters
	avoid         // would make or break a fence or the head of a table
	rankCount int = iota
)

// mark is a place where the text can be cut.
type mark struct {
	end     int   // bytes before it
	counts        // of what stands before it; rows are those of its table
	wrap    *wrap // the code block or table it is in; nil outside
	rank    rank
	visible bool // the cluster before it is not white space
	listed  bool // the line that begins here stands in a list
}

// marker collects the marks of a text.
type marker struct {
	limits Limits
	marks  []mark
	so     counts // far
}

// findMarks returns every place where text can be cut, its start and end included.
func findMarks(text string, l Limits) []mark {
	m := marker{limits: l, marks: make([]mark, 1, len(text)/2+2)}
	lines := readLines(text, l)
	for i, l := range lines {
		m.countLine(l)
		m.addLine(l)
		if i+1 < len(lines) {
			m.endLine(l, lines[i+1])
		}
	}
	m.marks[len(m.marks)-1].wrap = nil // nothing follows that would need it
	return m.marks
}

// countLine counts what begins with l.
func (m *marker) countLine(l line) {
	if l.begins {
		m.so.blocks++
	}
	switch {
	case l.wrap == nil || !l.wrap.table:
		m.so.rows = 0
	case l.table:
		m.so.tables++
		m.so.rows = 1
	case l.role == content:
		m.so.rows++
	}
}

// addLine marks the border after each cluster of l.
func (m *marker) addLine(l line) {
	ahead := fencesAhead(l.text)
	whole := l.role == opener || l.role == closer || ahead[0]
	rest, state := l.text, -1
	var before rune // the last visible one
	for rest != "" {
		var c string
		c, rest, state = nextCluster(rest, state)
		r, _ := utf8.DecodeRuneInString(c)
		next, _ := utf8.DecodeRuneInString(rest)
		border := borderRank(before, r, next)
		if whole || ahead[len(l.text)-len(rest)] {
			border = avoid
		}
		m.addCluster(c, border, l)
		if !unicode.IsSpace(r) {
			before = r
		}
	}
}

// nextCluster cuts the first grapheme cluster off s. Between two printable
// ASCII characters there is always a border.
func nextCluster(s string, state int) (c, rest string, newState int) {
	if len(s) > 1 && s[0] >= ' ' && s[0] < 0x7f && s[1] >= ' ' && s[1] < 0x7f {
		return s[:1], s[1:], -1
	}
	c, rest, _, state = uniseg.FirstGraphemeClusterInString(s, state)
	return c, rest, state
}

// addCluster marks the border after c, and those inside when c is too large
// for a part of its own.
func (m *marker) addCluster(c string, r rank, l line) {
	n := m.limits.Measure(c)
	w := l.wrap
	if l.role == opener {
		w = nil // it is open once its lines are complete
	}
	if n <= m.limits.Size-w.headSize()-w.tailSize() {
		m.add(len(c), n, r, w, strings.TrimSpace(c) != "", l)
		return
	}
	for c != "" {
		_, width := utf8.DecodeRuneInString(c)
		m.add(width, m.limits.Measure(c[:width]), max(r, cluster), w, true, l)
		c = c[width:]
	}
}

func (m *marker) add(bytes, size int, r rank, w *wrap, visible bool, l line) {
	m.so.size += size
	if l.wrap != nil && l.wrap.table {
		m.so.cells += size
	}
	last := m.marks[len(m.marks)-1]
	m.marks = append(m.marks, mark{end: last.end + bytes, counts: m.so, wrap: w, rank: r, visible: visible})
}

// endLine ranks the mark between two lines.
func (m *marker) endLine(l, next line) {
	last := &m.marks[len(m.marks)-1]
	last.wrap, last.listed = nil, next.listed
	if l.wrap == next.wrap && (next.role == content || next.role == closer) {
		last.wrap = next.wrap
	}
	switch {
	case l.wrap != nil && l.wrap == next.wrap && (l.role == opener || next.role != content):
		last.rank = avoid // would leave an empty code block or table behind
	case l.wrap != nil && l.wrap == next.wrap:
		last.rank = rowBorder
	case l.heading:
		last.rank = word // a heading stays with what it is about
	case next.role == item:
		last.rank = itemBorder
	case next.listed:
		last.rank = newline
	case next.begins || l.wrap != nil || next.wrap != nil || strings.TrimSpace(l.text) == "":
		last.rank = blockBorder
	default:
		last.rank = newline
	}
}

// borderRank ranks the border after the character r of a line. before is the
// visible character before r, next what follows.
func borderRank(before, r, next rune) rank {
	switch {
	case unicode.IsSpace(r) && strings.ContainsRune(".!?…", before):
		return sentence
	case unicode.IsSpace(r):
		return word
	case r < utf8.RuneSelf && next < utf8.RuneSelf:
		return cluster
	case strings.ContainsRune("、。，．：；！？）」』】》〉”’…", next):
		return cluster // these do not begin a line
	case strings.ContainsRune("。！？", r):
		return sentence
	case r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana), strings.ContainsRune("，、；：", r):
		return word // written without spaces
	default:
		return cluster
	}
}
