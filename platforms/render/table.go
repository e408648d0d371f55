package render

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// tables finds GitHub's tables in paragraphs. Unlike there, a pipe in a code
// span does not end a cell, as models write it, and cells beyond the last
// column are kept in it.
// https://github.github.com/gfm/#tables-extension-
type tables struct{}

// Transform implements [parser.ParagraphTransformer].
func (tables) Transform(paragraph *ast.Paragraph, r text.Reader, _ parser.Context) {
	source, lines := r.Source(), paragraph.Lines()
	for i := 1; i < lines.Len(); i++ {
		delimiters := lines.At(i)
		align := alignments(string(delimiters.Value(source)))
		if align == nil {
			continue
		}
		head := lines.At(i - 1)
		if len(cells(source, head, len(align))) != len(align) {
			continue
		}
		table := extast.NewTable()
		table.Alignments = align
		table.SetPos(head.Start)
		table.AppendChild(table, extast.NewTableHeader(row(source, head, align)))
		for j := i + 1; j < lines.Len(); j++ {
			table.AppendChild(table, row(source, lines.At(j), align))
		}
		cut(paragraph, table, i-1, source)
		return
	}
}

// cut puts the table in the place of the paragraph's lines from the given one on.
func cut(paragraph *ast.Paragraph, table ast.Node, from int, source []byte) {
	parent, lines := paragraph.Parent(), paragraph.Lines()
	parent.InsertAfter(parent, paragraph, table)
	if from == 0 {
		parent.RemoveChild(parent, paragraph)
		return
	}
	lines.SetSliced(0, from)
	last := lines.At(from - 1)
	lines.Set(from-1, last.TrimRightSpace(source))
}

// alignments reads a delimiter row, nil when it is none.
func alignments(line string) []extast.Alignment {
	line = strings.TrimSpace(line)
	if !strings.ContainsAny(line, "|:") || strings.Trim(line, "|:- \t") != "" {
		return nil
	}
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var list []extast.Alignment
	for column := range strings.SplitSeq(line, "|") {
		column = strings.TrimSpace(column)
		dashes := strings.TrimSuffix(strings.TrimPrefix(column, ":"), ":")
		if dashes == "" || strings.Trim(dashes, "-") != "" {
			return nil
		}
		list = append(list, leaning(column))
	}
	return list
}

func leaning(column string) extast.Alignment {
	switch left, right := column[0] == ':', column[len(column)-1] == ':'; {
	case left && right:
		return extast.AlignCenter
	case left:
		return extast.AlignLeft
	case right:
		return extast.AlignRight
	default:
		return extast.AlignNone
	}
}

// row makes a row of as many cells as there are columns.
func row(source []byte, line text.Segment, align []extast.Alignment) *extast.TableRow {
	made := extast.NewTableRow(align)
	found := cells(source, line, len(align))
	if n := len(align); len(found) > n {
		found[n-1] = found[n-1].WithStop(found[len(found)-1].Stop)
		found = found[:n]
	}
	for i, a := range align {
		cell := extast.NewTableCell()
		cell.Alignment = a
		if i < len(found) && !found[i].IsEmpty() {
			cell.Lines().Append(found[i])
		}
		made.AppendChild(made, cell)
	}
	return made
}

// cells cuts a line into cells. Of the two ways to see a pipe in a code span
// the one counts that makes the table whole.
func cells(source []byte, line text.Segment, columns int) []text.Segment {
	line = line.TrimLeftSpace(source)
	line = line.TrimRightSpace(source)
	content := line.Value(source)
	whole := cutCells(content, line.Start, true)
	if len(whole) != columns {
		if simple := cutCells(content, line.Start, false); len(simple) == columns || len(whole) < columns {
			whole = simple
		}
	}
	for i, cell := range whole {
		cell = cell.TrimLeftSpace(source)
		whole[i] = cell.TrimRightSpace(source)
	}
	return whole
}

func cutCells(line []byte, at int, minded bool) []text.Segment {
	var list []text.Segment
	from := 0
	if bytes.HasPrefix(line, []byte("|")) {
		from = 1
	}
	for i := from; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '`':
			if minded {
				i += codeSpan(line[i:]) - 1
			}
		case '|':
			list = append(list, text.NewSegment(at+from, at+i))
			from = i + 1
		}
	}
	if from < len(line) {
		list = append(list, text.NewSegment(at+from, at+len(line)))
	}
	return list
}

// codeSpan returns how long the code span is that s begins with, or else the
// run of backticks.
func codeSpan(s []byte) int {
	run := len(s) - len(bytes.TrimLeft(s, "`"))
	for i := run; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		closing := len(s[i:]) - len(bytes.TrimLeft(s[i:], "`"))
		i += closing
		if closing == run {
			return i
		}
	}
	return run
}
