// Package render shapes a reply for a platform. What is here serves every
// platform; what only one of them needs lives with its adapter.
package render

// Split cuts text into parts of at most limit, as measured by size (len for
// bytes, utf8.RuneCountInString for characters). It returns nil for "".
//
// It prefers to cut between paragraphs, then lines, sentences and words, and
// never inside a grapheme cluster that fits a part. A part that would end
// inside a ``` or ~~~ code fence is closed, and the next one opens with the
// same fence line again; these fences count towards the limit. Without them
// the parts are exactly text, no byte lost, added or moved.
//
// What cannot be kept: a limit below 1 counts as no limit; a character larger
// than the limit makes a part of its own; a code block whose fence lines take
// up more than three quarters of the limit is cut like plain text; a part may be blank
// when text has more white space in one place than fits a part.
//
// size must not find more in two strings put together than in both of them
// alone. It is called once for each cluster: Split takes linear time.
func Split(text string, limit int, size func(string) int) []string {
	if text == "" {
		return nil
	}
	if limit < 1 || size(text) <= limit {
		return []string{text}
	}
	c := cutter{text: text, limit: limit, marks: findMarks(text, limit, size)}
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
	text  string
	limit int
	marks []mark
}

// choose returns the mark that ends the part beginning at the mark from.
func (c *cutter) choose(from int) int {
	start := c.marks[from]
	var last [rankCount]int // the last mark of each rank that fits; 0 = none
	visible := false
	for i := from + 1; i < len(c.marks); i++ {
		m := c.marks[i]
		used := start.fence.headSize() + m.size - start.size
		if used > c.limit {
			break
		}
		visible = visible || m.visible
		if used+m.fence.tailSize() > c.limit {
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
		if i != 0 && (c.marks[i].size-c.marks[from].size)*2 >= c.limit {
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

// part returns the text between two marks with the fences it needs.
func (c *cutter) part(from, to int) string {
	start, end := c.marks[from], c.marks[to]
	body := c.text[start.end:end.end]
	if start.fence != nil {
		body = start.fence.head + body
	}
	if end.fence == nil || end.fence.tail == "" {
		return body
	}
	if body[len(body)-1] != '\n' {
		body += "\n"
	}
	return body + end.fence.tail
}
