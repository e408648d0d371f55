package render

import "strings"

// fence is an open code block (CommonMark 0.31, section 4.5). Unlike there,
// the opening line may be indented by any amount, because inside a list it is.
type fence struct {
	marker byte // '`' or '~'
	run    int  // how many of them
	indent int

	head, tail   string // what opens and closes it again; "" = it is not repaired
	headN, tailN int    // their sizes, with the line break before the tail
}

func (f *fence) headSize() int {
	if f == nil {
		return 0
	}
	return f.headN
}

func (f *fence) tailSize() int {
	if f == nil {
		return 0
	}
	return f.tailN
}

// role says what a line is to a code block.
type role uint8

const (
	plain role = iota
	opener
	content
	closer
)

// line is one line of the text with its line break.
type line struct {
	text  string
	role  role
	fence *fence // the code block it belongs to; nil outside
}

// readLines cuts text into lines and finds the code blocks.
func readLines(text string, limit int, size func(string) int) []line {
	var lines []line
	var open *fence
	for s := range strings.Lines(text) {
		l := line{text: s, fence: open}
		switch {
		case open == nil:
			if open = openFence(s, size); open != nil {
				l.role, l.fence = opener, open
				open.fit(limit, 0)
			}
		case open.closedBy(s):
			l.role = closer
			open.fit(limit, size(s))
			open = nil
		default:
			l.role = content
		}
		lines = append(lines, l)
	}
	return lines
}

// openFence returns the code block that s opens, nil when it opens none.
func openFence(s string, size func(string) int) *fence {
	indent, marker, run, info := readFence(s)
	if run < 3 || (marker == '`' && strings.Contains(info, "`")) {
		return nil
	}
	f := &fence{marker: marker, run: run, indent: len(indent), head: s}
	f.tail = indent + strings.Repeat(string(marker), run)
	f.headN, f.tailN = size(f.head), size("\n"+f.tail)
	return f
}

// closedBy reports whether s is the last line of the code block.
func (f *fence) closedBy(s string) bool {
	indent, marker, run, info := readFence(s)
	return marker == f.marker && run >= f.run && len(indent) <= f.indent+3 && info == ""
}

// fit gives up repairing a code block whose fences leave too little room for
// the code: head and tail, and a last line that must not be cut.
func (f *fence) fit(limit, lastLine int) {
	const longest = 4 // bytes of a character
	if limit-f.headN-f.tailN-lastLine < max(limit/4, longest) {
		f.head, f.tail, f.headN, f.tailN = "", "", 0, 0
	}
}

// readFence takes a line apart; run is 0 when no fence character comes first.
func readFence(s string) (indent string, marker byte, run int, info string) {
	rest := strings.TrimLeft(s, " \t")
	indent = s[:len(s)-len(rest)]
	if rest == "" || (rest[0] != '`' && rest[0] != '~') {
		return indent, 0, 0, ""
	}
	marker = rest[0]
	for run < len(rest) && rest[run] == marker {
		run++
	}
	return indent, marker, run, strings.TrimSpace(rest[run:])
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
