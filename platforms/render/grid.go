package render

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Grid returns a table as lines of text, its columns aligned where every
// character is as wide as a terminal shows it. The first line is the head. A
// row is one line, whatever breaks its cells have, so that what stands together
// is read together.
func Grid(b Block) []string {
	rows, widths := make([][]string, len(b.Rows)), make([]int, len(b.Align))
	for n, row := range b.Rows {
		for i, cell := range row {
			text := flat(cell)
			rows[n] = append(rows[n], text)
			widths[i] = max(widths[i], uniseg.StringWidth(text))
		}
	}
	var lines []string
	for n, row := range rows {
		for i, text := range row {
			row[i] = pad(text, widths[i], b.Align[i])
		}
		lines = append(lines, strings.TrimRight(strings.Join(row, " │ "), " "))
		if n == 0 {
			rules := make([]string, len(widths))
			for i, w := range widths {
				rules[i] = strings.Repeat("─", max(w, 1))
			}
			lines = append(lines, strings.Join(rules, "─┼─"))
		}
	}
	return lines
}

// flat returns a cell as one line, the addresses of links behind them.
func flat(cell Cell) string {
	var b strings.Builder
	for _, s := range cell {
		b.WriteString(s.Text)
		if s.URL != "" && s.URL != s.Text {
			b.WriteString(" (" + s.URL + ")")
		}
	}
	return strings.ReplaceAll(b.String(), "\n", " / ")
}

func pad(text string, width int, a Align) string {
	room := max(0, width-uniseg.StringWidth(text))
	switch a {
	case Right:
		return strings.Repeat(" ", room) + text
	case Center:
		return strings.Repeat(" ", room/2) + text + strings.Repeat(" ", room-room/2)
	default:
		return text + strings.Repeat(" ", room)
	}
}
