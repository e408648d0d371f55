package render

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Parse reads Markdown. It never fails: what is no markup is text.
func Parse(source string) []Block {
	return read(source, newParser(&emphasis{}))
}

// Common returns a function that reads Markdown with CommonMark's own rule of
// emphasis, as clients do that read it themselves. It is not to be called by two
// at once.
func Common() func(source string) []Block {
	p := newParser(&emphasis{common: true})
	return func(source string) []Block { return read(source, p) }
}

func read(source string, p parser.Parser) []Block {
	// Without a line break behind it goldmark overlooks a fence's language of one letter.
	if !strings.HasSuffix(source, "\n") {
		source += "\n"
	}
	r := reader{source: []byte(clean(source))}
	return r.blocks(p.Parse(text.NewReader(r.source)))
}

// LastBlock returns where the last block of a growing text begins: what stands
// before it changes no more, whatever follows.
func LastBlock(source string) int {
	last := newParser(&emphasis{}).Parse(text.NewReader(sameLength(source))).LastChild()
	if last == nil {
		return 0
	}
	return strings.LastIndexByte(source[:last.Pos()], '\n') + 1
}

// clean replaces what is no character.
func clean(source string) string {
	source = strings.ToValidUTF8(source, "\ufffd")
	return strings.ReplaceAll(source, "\x00", "\ufffd")
}

// newParser returns a parser for one text at a time. What it lacks of the usual
// ones would take text away: HTML and reference definitions.
func newParser(marks *emphasis) parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(shallow{parser.NewListParser()}, 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(shallow{parser.NewBlockquoteParser()}, 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(&links{InlineParser: parser.NewLinkParser()}, 200),
			util.Prioritized(cellBreak{}, 250),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(marks, 500),
		),
		parser.WithParagraphTransformers(util.Prioritized(tables{}, 200)),
	)
}

// shallow bounds how deep lists and quotes stand in one another; beyond, their
// marks are text.
type shallow struct{ parser.BlockParser }

func (s shallow) Open(parent ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	const deepest = 16
	depth := 0
	for n := parent; n != nil; n = n.Parent() {
		depth++
	}
	if depth > deepest {
		return nil, parser.NoChildren
	}
	return s.BlockParser.Open(parent, r, pc)
}

// allowance is how many marks of one block are looked at; the others are text.
// Pairing them takes the square of their number in the worst case.
type allowance struct {
	block ast.Node
	n     int
}

func (a *allowance) more(block ast.Node) bool {
	const most = 1000
	if a.block != block {
		a.block, a.n = block, 0
	}
	a.n++
	return a.n <= most
}

// links reads links as goldmark does, up to an allowance.
type links struct {
	parser.InlineParser
	brackets allowance
}

func (l *links) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	if c := block.Peek(); (c == '[' || c == ']') && !l.brackets.more(parent) {
		return nil
	}
	return l.InlineParser.Parse(parent, block, pc)
}

// CloseBlock implements [parser.CloseBlocker].
func (l *links) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if c, ok := l.InlineParser.(parser.CloseBlocker); ok {
		c.CloseBlock(parent, block, pc)
	}
}

// reader turns goldmark's tree into ours.
type reader struct{ source []byte }

func (r *reader) blocks(parent ast.Node) []Block {
	var list []Block
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		list = append(list, r.block(n))
	}
	return list
}

func (r *reader) block(n ast.Node) Block {
	switch n := n.(type) {
	case *ast.Heading:
		return Block{Kind: Heading, Level: n.Level, Spans: r.spans(n)}
	case *ast.FencedCodeBlock:
		return r.code(n)
	case *ast.CodeBlock:
		return Block{Kind: Code, Text: r.lines(n)}
	case *ast.Blockquote:
		return Block{Kind: Quote, Blocks: r.blocks(n)}
	case *ast.List:
		b := Block{Kind: List, Ordered: n.IsOrdered(), Start: n.Start}
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			b.Items = append(b.Items, r.blocks(item))
		}
		return b
	case *ast.ThematicBreak:
		return Block{Kind: Rule}
	case *extast.Table:
		return r.table(n)
	default:
		return Block{Kind: Paragraph, Spans: r.spans(n)}
	}
}

func (r *reader) lines(n ast.Node) string {
	return strings.TrimSuffix(string(n.Lines().Value(r.source)), "\n")
}

// code returns a code block. What stands behind its fence is the language, if
// it can be one; anything else is text, and so the first line.
func (r *reader) code(n *ast.FencedCodeBlock) Block {
	b := Block{Kind: Code, Text: r.lines(n)}
	if n.Info == nil {
		return b
	}
	info := string(n.Info.Segment.Value(r.source))
	language, surplus, _ := strings.Cut(info, " ")
	if !isLanguage(language) {
		language, surplus = "", info
	}
	b.Language = language
	if surplus = strings.TrimSpace(surplus); surplus != "" {
		b.Text = strings.TrimSuffix(surplus+"\n"+b.Text, "\n")
	}
	return b
}

func isLanguage(word string) bool {
	const longest = 30
	return len(word) <= longest && !strings.ContainsFunc(word, func(r rune) bool {
		return !wordCharacter(r) && !strings.ContainsRune("+#-_.", r)
	})
}

func (r *reader) table(n *extast.Table) Block {
	b := Block{Kind: Table}
	for _, a := range n.Alignments {
		b.Align = append(b.Align, alignment(a))
	}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		cells := make([]Cell, 0, len(n.Alignments))
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, r.spans(cell))
		}
		b.Rows = append(b.Rows, cells)
	}
	return b
}

func alignment(a extast.Alignment) Align {
	switch a {
	case extast.AlignLeft:
		return Left
	case extast.AlignCenter:
		return Center
	case extast.AlignRight:
		return Right
	default:
		return Natural
	}
}

// spans flattens what stands inside a block.
func (r *reader) spans(n ast.Node) []Span {
	c := collector{source: r.source}
	c.children(n, 0, "")
	return c.linked()
}

// collector gathers spans, neighbours of one look as one.
type collector struct {
	source []byte
	spans  []Span
	text   []byte // of the last span, which is still open
}

func (c *collector) children(n ast.Node, style Style, url string) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		c.inline(child, style, url)
	}
}

func (c *collector) inline(n ast.Node, style Style, url string) {
	switch n := n.(type) {
	case *ast.Text:
		c.add(string(util.UnescapePunctuations(n.Segment.Value(c.source))), style, url)
		if n.SoftLineBreak() || n.HardLineBreak() {
			c.add("\n", style, url)
		}
	case *ast.String:
		c.add(string(n.Value), style, url)
	case *ast.CodeSpan:
		c.add(c.code(n), style|Mono, url)
	case *ast.Emphasis:
		c.children(n, style|emphasisStyle(n.Level), url)
	case *extast.Strikethrough:
		c.children(n, style|Strike, url)
	case *ast.AutoLink:
		c.autoLink(n, style, url)
	case *ast.Link:
		c.link(n, n.Destination, n.Title, style, url)
	case *ast.Image:
		c.link(n, n.Destination, n.Title, style, url)
	default: // a delimiter that was not used has become text
		c.children(n, style, url)
	}
}

func emphasisStyle(level int) Style {
	if level == 1 {
		return Italic
	}
	return Bold
}

func (c *collector) add(s string, style Style, url string) {
	if s == "" {
		return
	}
	if last := len(c.spans) - 1; last < 0 || c.spans[last].Style != style || c.spans[last].URL != url {
		c.end()
		c.spans = append(c.spans, Span{Style: style, URL: url})
	}
	c.text = append(c.text, s...)
}

// end completes the last span.
func (c *collector) end() {
	if last := len(c.spans) - 1; last >= 0 && c.spans[last].Text == "" {
		c.spans[last].Text = string(c.text)
	}
	c.text = c.text[:0]
}

// code returns the text of a code span, where a line break is a space and, in
// a table, \| a pipe.
func (c *collector) code(n *ast.CodeSpan) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			b.Write(t.Segment.Value(c.source))
		}
	}
	code := strings.ReplaceAll(b.String(), "\n", " ")
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == extast.KindTableCell {
			return strings.ReplaceAll(code, `\|`, "|")
		}
	}
	return code
}
