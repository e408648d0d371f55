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
	paragraph rank = iota // after a blank line, before or after a code block
	newline
	codeLine // between two lines of a code block
	sentence
	word
	cluster       // anywhere between two grapheme clusters
	avoid         // would make or break a fence line
	rankCount int = iota
)

// mark is a place where the text can be cut.
type mark struct {
	end     int    // bytes before it
	size    int    // the same, as measured
	fence   *fence // the code block it is in; nil outside
	rank    rank
	visible bool // the cluster before it is not white space
}

// marker collects the marks of a text.
type marker struct {
	limit int
	size  func(string) int
	marks []mark
}

// findMarks returns every place where text can be cut, its start and end included.
func findMarks(text string, limit int, size func(string) int) []mark {
	m := marker{limit: limit, size: size, marks: make([]mark, 1, len(text)/2+2)}
	lines := readLines(text, limit, size)
	for i, l := range lines {
		m.addLine(l)
		if i+1 < len(lines) {
			m.endLine(l, lines[i+1])
		}
	}
	m.marks[len(m.marks)-1].fence = nil // nothing follows that would need the fence
	return m.marks
}

// addLine marks the border after each cluster of l.
func (m *marker) addLine(l line) {
	ahead := fencesAhead(l.text)
	whole := l.role == opener || l.role == closer || ahead[0]
	rest, state := l.text, -1
	var before rune // the last visible one
	for rest != "" {
		var c string
		c, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
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

// addCluster marks the border after c, and those inside when c is too large
// for a part of its own.
func (m *marker) addCluster(c string, r rank, l line) {
	n := m.size(c)
	f := l.fence
	if l.role == opener {
		f = nil // it is open once its line is complete
	}
	if n <= m.limit-f.headSize()-f.tailSize() {
		m.add(len(c), n, r, f, strings.TrimSpace(c) != "")
		return
	}
	for c != "" {
		_, width := utf8.DecodeRuneInString(c)
		m.add(width, m.size(c[:width]), max(r, cluster), f, true)
		c = c[width:]
	}
}

func (m *marker) add(bytes, size int, r rank, f *fence, visible bool) {
	last := m.marks[len(m.marks)-1]
	m.marks = append(m.marks, mark{
		end: last.end + bytes, size: last.size + size, fence: f, rank: r, visible: visible,
	})
}

// endLine ranks the mark between two lines.
func (m *marker) endLine(l, next line) {
	last := &m.marks[len(m.marks)-1]
	last.fence = nil
	if next.role == content || next.role == closer {
		last.fence = next.fence
	}
	switch {
	case l.role == closer || next.role == opener:
		last.rank = paragraph
	case l.role == opener || next.role == closer:
		last.rank = avoid // would leave an empty code block behind
	case l.role == content:
		last.rank = codeLine
	case strings.TrimSpace(l.text) == "":
		last.rank = paragraph
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
