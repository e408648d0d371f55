package render

import "strings"

// Split cuts the Markdown of a reply into parts that each fit one message, and
// each read well alone. It returns nil for "".
//
// It prefers to cut between blocks, then items, lines, sentences and words, and
// never inside a grapheme cluster that fits a part. A part that would end
// inside a code block is closed, and the next one opens with the same fence
// line again; a table's head is repeated; what is left of a list's item loses
// its indentation. All that counts towards the limits. Else the parts are
// exactly the text, no byte lost, added or moved.
//
// What cannot be kept: a character larger than the limit makes a part of its
// own; a code block or table whose fence lines or head take up more than three
// quarters of the limit is cut like plain text; a part may be blank when text
// has more white space in one place than fits a part.
//
// l.Measure must not find more in two strings put together than in both of
// them alone. It is called once for each cluster: Split takes linear time.
func Split(text string, l Limits) []string {
	if text == "" {
		return nil
	}
	if l.Size < 1 {
		return []string{text}
	}
	lines := 1 + strings.Count(text, "\n") // no fewer than blocks
	if l.Measure(text) <= l.Size && fits(lines, l.Blocks) && (lines < 2 || !strings.Contains(text, "|")) {
		return []string{text} // whole, and without tables
	}
	c := cutter{text: text, limits: l, marks: findMarks(text, l)}
	var parts []string
	for from := 0; from < len(c.marks)-1; {
		to := c.choose(from)
		parts = append(parts, c.part(from, to))
		from = to
	}
	return parts
}

// cutter picks among the marks, the places where a cut is possible. The first
// mark is the start of the text, the last its end.
type cutter struct {
	text   string
	limits Limits
	marks  []mark
}

// between returns what a part from start to m holds, without the tail.
func between(start, m mark) counts {
	head := start.wrap.headSize()
	c := counts{
		size:   head + m.size - start.size,
		blocks: m.blocks - start.blocks,
		tables: m.tables - start.tables,
		rows:   m.rows,
		cells:  m.cells - start.cells,
	}
	if start.wrap == nil {
		return c
	}
	c.blocks++
	if start.wrap.table {
		c.tables++
		c.cells += head
		if m.tables == start.tables {
			c.rows = max(0, m.rows-start.rows+1)
		}
	}
	return c
}

// choose returns the mark that ends the part beginning at the mark from.
func (c *cutter) choose(from int) int {
	start := c.marks[from]
	var last [rankCount]int // the last mark of each rank that fits; 0 = none
	visible := false
	for i := from + 1; i < len(c.marks); i++ {
		m := c.marks[i]
		used := between(start, m)
		if !c.limits.within(used) {
			break
		}
		visible = visible || m.visible
		if used.size+m.wrap.tailSize() > c.limits.Size {
			continue // it may fit again where the text closes the fence itself
		}
		if i == len(c.marks)-1 {
			return i
		}
		if !visible { // no platform takes a blank message
			m.rank = max(m.rank, cluster)
		}
		last[m.rank] = i
	}
	return c.best(from, last)
}

// best prefers a good border that fills at least half of the part, then any
// good border, then any place at all.
func (c *cutter) best(from int, last [rankCount]int) int {
	for _, i := range last[:cluster] {
		if i != 0 && (c.marks[i].size-c.marks[from].size)*2 >= c.limits.Size {
			return i
		}
	}
	for _, i := range last {
		if i != 0 {
			return i
		}
	}
	return from + 1
}

// part returns the text between two marks with what makes it whole.
func (c *cutter) part(from, to int) string {
	start, end := c.marks[from], c.marks[to]
	body := c.text[start.end:end.end]
	if start.wrap != nil {
		body = start.wrap.head + body
	}
	if end.wrap != nil && end.wrap.tail != "" {
		body = strings.TrimSuffix(body, "\n") + "\n" + end.wrap.tail
	}
	if start.listed {
		return dedent(body)
	}
	return body
}

// dedent takes the indentation of the first line from all lines that have it,
// up to the first that does not.
func dedent(s string) string {
	indent := s[:len(s)-len(strings.TrimLeft(s, " "))]
	if indent == "" || len(indent) == len(s) {
		return s
	}
	var b strings.Builder
	for l := range strings.Lines(s) {
		short, ok := strings.CutPrefix(l, indent)
		if !ok && strings.TrimSpace(l) != "" {
			break
		}
		b.WriteString(short)
		s = s[len(l):]
	}
	return b.String() + s
}
