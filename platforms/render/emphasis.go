package render

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// emphasis reads *, _ and ~~. CommonMark asks of a mark beside punctuation that
// a space or punctuation stands on its other side, which languages written
// without spaces do not have: in **重要：**请 nothing would be bold. Here a
// Chinese, Japanese or Korean character does as well, and their punctuation
// counts as a letter.
// The rules and their reasons: https://github.com/tats-u/markdown-cjk-friendly
type emphasis struct {
	marks  allowance
	common bool // CommonMark's rule and no other
}

func (*emphasis) Trigger() []byte { return []byte{'*', '_', '~'} }

func (e *emphasis) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, segment := block.PeekLine()
	run := 1
	for run < len(line) && line[run] == line[0] {
		run++
	}
	around := surroundings{line: line, run: run, before: before}
	if segment.Start > 0 {
		around.behind = block.Source()[:segment.Start]
	}
	segment = segment.WithStop(segment.Start + run)
	block.Advance(run)
	opens, closes := around.flanks()
	if e.common {
		opens, closes = around.commonFlanks()
	}
	if (!opens && !closes) || (line[0] == '~' && run != 2) || !e.marks.more(parent) {
		return ast.NewTextSegment(segment)
	}
	mark := parser.NewDelimiter(opens, closes, run, line[0], pair(line[0]))
	mark.Segment = segment
	pc.PushDelimiter(mark)
	return mark
}

// pair makes a node of what stands between two marks of its character.
type pair byte

// IsDelimiter implements [parser.DelimiterProcessor].
func (p pair) IsDelimiter(b byte) bool { return b == byte(p) }

// CanOpenCloser implements [parser.DelimiterProcessor].
func (p pair) CanOpenCloser(opener, closer *parser.Delimiter) bool { return opener.Char == closer.Char }

// OnMatch implements [parser.DelimiterProcessor].
func (p pair) OnMatch(consumes int) ast.Node {
	if p == '~' {
		return extast.NewStrikethrough()
	}
	return ast.NewEmphasis(consumes)
}

// surroundings are what stands around a run of marks.
type surroundings struct {
	line   []byte // begins with the run
	run    int
	before rune   // '\n' at the beginning of the block
	behind []byte // the source before the run
}

// flanks reports whether the run can open and whether it can close.
func (s surroundings) flanks() (opens, closes bool) {
	mark, rest := s.line[0], s.line[s.run:]
	after, width := utf8.DecodeRune(rest)
	if width == 0 {
		after = '\n'
	}
	if s.inName(after) {
		return false, mark == '*' && s.run > 1
	}
	farAfter, _ := utf8.DecodeRune(rest[width:])
	_, width = utf8.DecodeLastRune(s.behind)
	farBefore, _ := utf8.DecodeLastRune(s.behind[:len(s.behind)-width])
	left := flanks(s.before, after, farAfter)
	right := flanks(after, s.before, farBefore)
	if mark != '_' {
		return left, right
	}
	return left && (!right || punctuation(s.before)), right && (!left || punctuation(after))
}

// commonFlanks is CommonMark's rule.
// https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis
func (s surroundings) commonFlanks() (opens, closes bool) {
	after, width := utf8.DecodeRune(s.line[s.run:])
	if width == 0 {
		after = '\n'
	}
	punct := func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
	left := !unicode.IsSpace(after) && (!punct(after) || unicode.IsSpace(s.before) || punct(s.before))
	right := !unicode.IsSpace(s.before) && (!punct(s.before) || unicode.IsSpace(after) || punct(after))
	if s.line[0] != '_' {
		return left, right
	}
	return left && (!right || punct(s.before)), right && (!left || punct(after))
}

// flanks reports whether a run leans on the character near, with outside on
// its other side and far behind near.
func flanks(outside, near, far rune) bool {
	switch {
	case unicode.IsSpace(near):
		return false
	case !punctuation(near):
		return true
	default:
		return unicode.IsSpace(outside) || punctuation(outside) || eastAsian(outside) || eastAsian(far)
	}
}

// inName reports whether the run is part of an identifier, a formula or a
// path: 2*3*4, __init__, src/**/test. (a**b can still end what **a began: the
// plural of an abbreviation, as in **API**s.)
func (s surroundings) inName(after rune) bool {
	if s.before == '/' && punctuation(after) {
		return true
	}
	switch s.line[0] {
	case '*':
		return wordCharacter(s.before) && wordCharacter(after)
	case '_':
		return s.inDunder()
	default:
		return false
	}
}

// inDunder reports whether the run is at either end of a name like __init__.
func (s surroundings) inDunder() bool {
	if s.run != 2 {
		return false
	}
	isName := func(r rune) bool { return wordCharacter(r) || r == '_' }
	const longest = 100 // bytes of a name
	before := s.behind[max(0, len(s.behind)-longest):]
	start := bytes.LastIndexFunc(before, func(r rune) bool { return !isName(r) })
	if start >= 0 {
		_, width := utf8.DecodeRune(before[start:])
		before = before[start+width:]
	}
	after := s.line[s.run:min(len(s.line), s.run+longest)]
	if end := bytes.IndexFunc(after, func(r rune) bool { return !isName(r) }); end >= 0 {
		after = after[:end]
	}
	return (len(before) > 2 && len(after) == 0 && bytes.HasPrefix(before, []byte("__"))) ||
		(len(before) == 0 && len(after) > 2 && bytes.HasSuffix(after, []byte("__")))
}

func wordCharacter(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// punctuation is what CommonMark takes for it, without that of East Asia.
func punctuation(r rune) bool {
	return (unicode.IsPunct(r) || unicode.IsSymbol(r)) && !eastAsian(r)
}

// eastAsian reports a Chinese, Japanese or Korean character, punctuation included.
func eastAsian(r rune) bool {
	return r >= 0x1100 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi) ||
		r >= 0x3000 && r <= 0x303F || // symbols and punctuation
		r >= 0xFE10 && r <= 0xFE1F || r >= 0xFE30 && r <= 0xFE4F || // upright forms
		r >= 0xFF00 && r <= 0xFFEF) // wide and narrow forms
}

// cellBreak reads <br> in a table's cell as a line break.
type cellBreak struct{}

func (cellBreak) Trigger() []byte { return []byte{'<'} }

func (cellBreak) Parse(parent ast.Node, block text.Reader, _ parser.Context) ast.Node {
	if parent.Kind() != extast.KindTableCell {
		return nil
	}
	line, _ := block.PeekLine()
	for _, tag := range []string{"<br>", "<br/>", "<br />"} {
		if len(line) >= len(tag) && bytes.EqualFold(line[:len(tag)], []byte(tag)) {
			block.Advance(len(tag))
			return ast.NewString([]byte("\n"))
		}
	}
	return nil
}
