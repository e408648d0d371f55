package slack

import (
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms/render"
)

// What one message holds of tables.
// Source: https://docs.slack.dev/reference/block-kit/blocks/table-block and
// https://docs.slack.dev/reference/block-kit/blocks/data-table-block
const (
	maxBlocks  = 50
	maxColumns = 20
	maxRows    = 100
	maxCells   = 10_000 // characters in all cells
	maxTables  = 20     // with text between, before and behind them
	maxRules   = 4      // lines across that are blocks of their own; beyond, text
	maxIndent  = 8      // of a list
	ruleText   = "⸻"
	notNothing = " " // Slack refuses an empty text
)

// blocksFrom writes parsed Markdown as blocks. In rich text nothing is markup: what a
// model writes can neither mention anybody nor show its marks.
func blocksFrom(parsed []render.Block) []slackgo.Block {
	w := writer{several: tablesIn(parsed) > 1}
	w.write(parsed, place{})
	w.endRich()
	return w.blocks
}

func tablesIn(blocks []render.Block) (n int) {
	for i := range blocks {
		if fitsTable(&blocks[i]) {
			n++
		}
	}
	return n
}

// fitsTable reports whether b can be a block of its own.
func fitsTable(b *render.Block) bool {
	return b.Kind == render.Table && len(b.Align) <= maxColumns && len(b.Rows) <= maxRows
}

// writer collects blocks; what stands between tables goes into one block of
// rich text.
type writer struct {
	blocks  []slackgo.Block
	rich    []slackgo.RichTextElement
	line    []slackgo.RichTextSectionElement // of the section that is being written
	several bool                             // there are several tables: only data tables may be so many
	rules   int
}

// place is where a block stands.
type place struct {
	indent int // in how many lists
	quoted bool
}

func (p place) top() bool { return p == place{} }

func (w *writer) write(blocks []render.Block, at place) {
	for i := range blocks {
		w.block(&blocks[i], at)
	}
	w.endLine(at)
}

func (w *writer) block(b *render.Block, at place) {
	switch {
	case b.Kind == render.List:
		w.endLine(at)
		w.list(b, at)
	case b.Kind == render.Quote:
		w.endLine(at)
		w.write(b.Blocks, place{indent: at.indent, quoted: true})
	case b.Kind == render.Code:
		w.endLine(at)
		w.preformatted(b.Text, at)
	case at.top() && fitsTable(b) && (len(b.Rows) > 1 || !w.several):
		w.endRich()
		w.blocks = append(w.blocks, w.table(b))
	case b.Kind == render.Table:
		w.endLine(at)
		w.preformatted(plainTable(b), at)
	case b.Kind == render.Rule && at.top() && w.rules < maxRules:
		w.rules++
		w.endRich()
		w.blocks = append(w.blocks, slackgo.NewDividerBlock())
	case b.Kind == render.Rule:
		w.paragraph([]render.Span{{Text: ruleText}}, at)
	case b.Kind == render.Heading:
		w.paragraph(bold(b.Spans), at)
	default:
		w.paragraph(b.Spans, at)
	}
}

// paragraph adds a line of text, apart from what stands before it.
func (w *writer) paragraph(spans []render.Span, at place) {
	switch {
	case len(w.line) > 0:
		w.line = append(w.line, text("\n\n", 0))
	case len(w.rich) > 0 && at.top():
		w.line = append(w.line, text("\n", 0))
	}
	w.line = append(w.line, elements(spans)...)
}

func bold(spans []render.Span) []render.Span {
	list := make([]render.Span, len(spans))
	for i, s := range spans {
		s.Style |= render.Bold
		list[i] = s
	}
	return list
}

// list writes each item as a line, and what else belongs to an item below it.
func (w *writer) list(b *render.Block, at place) {
	inside := place{indent: at.indent + 1, quoted: at.quoted}
	var lines []slackgo.RichTextElement
	first := 0 // of the items in lines
	flush := func(next int) {
		if len(lines) > 0 {
			w.rich = append(w.rich, listOf(b, at, first, lines))
		}
		lines, first = nil, next
	}
	for i, item := range b.Items {
		said, rest := leading(item)
		lines = append(lines, slackgo.NewRichTextSection(notEmpty(said)...))
		if len(rest) > 0 {
			flush(i + 1)
			w.write(rest, inside)
		}
	}
	flush(len(b.Items))
}

func listOf(b *render.Block, at place, first int, lines []slackgo.RichTextElement) *slackgo.RichTextList {
	l := slackgo.NewRichTextList(slackgo.RTEListBullet, min(at.indent, maxIndent), lines...)
	if b.Ordered {
		l.Style, l.Offset = slackgo.RTEListOrdered, max(b.Start-1+first, 0)
	}
	if at.quoted {
		l.Border = 1
	}
	return l
}

// leading returns the text that an item of a list begins with, and the rest.
func leading(item []render.Block) (said []slackgo.RichTextSectionElement, rest []render.Block) {
	for i := range item {
		switch item[i].Kind {
		case render.Paragraph, render.Heading:
			if len(said) > 0 {
				said = append(said, text("\n", 0))
			}
			said = append(said, elements(item[i].Spans)...)
		default:
			return said, item[i:]
		}
	}
	return said, nil
}

func (w *writer) preformatted(code string, at place) {
	if code == "" {
		code = notNothing
	}
	p := &slackgo.RichTextPreformatted{Type: slackgo.RTEPreformatted, Elements: []slackgo.RichTextSectionElement{text(code, 0)}}
	if at.quoted {
		p.Border = 1
	}
	w.rich = append(w.rich, p)
}

// endLine ends the section that is being written.
func (w *writer) endLine(at place) {
	switch {
	case len(w.line) == 0:
	case at.quoted:
		w.rich = append(w.rich, &slackgo.RichTextQuote{Type: slackgo.RTEQuote, Elements: w.line})
	default:
		w.rich = append(w.rich, slackgo.NewRichTextSection(w.line...))
	}
	w.line = nil
}

// endRich ends the block of rich text that is being written.
func (w *writer) endRich() {
	w.endLine(place{})
	if len(w.rich) > 0 {
		w.blocks = append(w.blocks, slackgo.NewRichTextBlock("", w.rich...))
	}
	w.rich = nil
}

// elements writes spans.
func elements(spans []render.Span) []slackgo.RichTextSectionElement {
	list := make([]slackgo.RichTextSectionElement, 0, len(spans))
	for _, s := range spans {
		switch {
		case s.Text == "" && s.URL == "":
		case s.URL != "":
			list = append(list, slackgo.NewRichTextSectionLinkElement(s.URL, s.Text, look(s.Style)))
		default:
			list = append(list, text(s.Text, s.Style))
		}
	}
	return list
}

func text(s string, style render.Style) *slackgo.RichTextSectionTextElement {
	return slackgo.NewRichTextSectionTextElement(s, look(style))
}

func look(s render.Style) *slackgo.RichTextSectionTextStyle {
	if s == 0 {
		return nil
	}
	return &slackgo.RichTextSectionTextStyle{
		Bold: s&render.Bold != 0, Italic: s&render.Italic != 0, Strike: s&render.Strike != 0, Code: s&render.Mono != 0,
	}
}

func notEmpty(list []slackgo.RichTextSectionElement) []slackgo.RichTextSectionElement {
	if len(list) == 0 {
		return []slackgo.RichTextSectionElement{text(notNothing, 0)}
	}
	return list
}

// table writes one table of a message as such, and several as data tables.
func (w *writer) table(b *render.Block) slackgo.Block {
	if w.several {
		return dataTable(b)
	}
	t := slackgo.NewTableBlock("")
	for _, row := range b.Rows {
		cells := make([]slackgo.TableCell, len(row))
		for i, c := range row {
			cells[i] = slackgo.NewTableRichTextCell(slackgo.NewRichTextSection(notEmpty(elements(c))...))
		}
		t.AddRow(cells...)
	}
	for _, a := range b.Align {
		align := map[render.Align]slackgo.ColumnAlignment{
			render.Center: slackgo.ColumnAlignmentCenter, render.Right: slackgo.ColumnAlignmentRight,
		}[a]
		if align == "" {
			align = slackgo.ColumnAlignmentLeft
		}
		t.ColumnSettings = append(t.ColumnSettings, slackgo.ColumnSetting{Align: align, IsWrapped: true})
	}
	return t
}

func dataTable(b *render.Block) slackgo.Block {
	var head []slackgo.DataTableCell
	var titles []string
	for _, c := range b.Rows[0] {
		titles = append(titles, orSpace(plainSpans(c)))
		head = append(head, slackgo.NewDataTableRawTextCell(titles[len(titles)-1]))
	}
	t := slackgo.NewDataTableBlock(orSpace(strings.Join(titles, ", "))).WithPageSize(len(b.Rows) - 1)
	t.AddRow(head...)
	for _, row := range b.Rows[1:] {
		cells := make([]slackgo.DataTableCell, len(row))
		for i, c := range row {
			cells[i] = slackgo.NewDataTableRichTextCell(slackgo.NewRichTextSection(notEmpty(elements(c))...))
		}
		t.AddRow(cells...)
	}
	return t
}

func orSpace(s string) string {
	if s == "" {
		return notNothing
	}
	return s
}

// plainTable writes a table that cannot be a block: it is too wide, stands in a list
// or quote, or is a head alone, which a data table cannot be.
func plainTable(b *render.Block) string {
	var lines []string
	for _, row := range b.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = strings.ReplaceAll(plainSpans(c), "\n", " ")
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	return strings.Join(lines, "\n")
}

func plainSpans(spans []render.Span) string {
	var out strings.Builder
	for _, s := range spans {
		out.WriteString(s.Text)
		if s.URL != "" && s.URL != s.Text {
			out.WriteString(" (" + s.URL + ")")
		}
	}
	return out.String()
}
