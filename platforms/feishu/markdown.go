package feishu

import (
	"strconv"
	"strings"

	"github.com/parley-bot/parley/platforms/render"
)

// markdown writes blocks as the Markdown that Feishu's clients read.
type markdown struct {
	text   func(string) string // writes text that is no markup
	thin   bool                // puts spaces around emphasis
	tables int                 // so many are still drawn as such; the others are code
	raise  int                 // by so much headings are smaller
}

func (m *markdown) blocks(blocks []render.Block) string {
	all := make([]string, 0, len(blocks))
	for _, b := range blocks {
		all = append(all, m.block(b))
	}
	return strings.Join(all, "\n\n")
}

func (m *markdown) block(b render.Block) string {
	switch b.Kind {
	case render.Heading:
		const smallest = 6
		return strings.Repeat("#", min(b.Level+m.raise, smallest)) + " " + strings.ReplaceAll(m.spans(b.Spans), "\n", " ")
	case render.Code:
		return fenced(b.Language, b.Text)
	case render.Quote:
		return "> " + strings.ReplaceAll(m.blocks(b.Blocks), "\n", "\n> ")
	case render.List:
		return m.list(b)
	case render.Table:
		return m.table(b)
	case render.Rule:
		return "---"
	default:
		return m.spans(b.Spans)
	}
}

// fenced returns code in a fence that nothing in it can close.
func fenced(language, code string) string {
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	return fence + language + "\n" + code + "\n" + fence
}

// list indents by four spaces, as Feishu's own examples do.
func (m *markdown) list(b render.Block) string {
	var items []string
	for i, item := range b.Items {
		mark := "- "
		if b.Ordered {
			mark = strconv.Itoa(b.Start+i) + ". "
		}
		parts := make([]string, 0, len(item))
		for _, block := range item {
			parts = append(parts, m.block(block))
		}
		text := strings.Join(parts, "\n")
		if len(item) > 1 && item[1].Kind == render.Paragraph {
			text = strings.Join(parts, "\n\n")
		}
		items = append(items, mark+strings.ReplaceAll(text, "\n", "\n    "))
	}
	return strings.Join(items, "\n")
}

func (m *markdown) table(b render.Block) string {
	if m.tables < 1 {
		return fenced("", strings.Join(render.Grid(b), "\n"))
	}
	m.tables--
	var lines []string
	for n, row := range b.Rows {
		cells := make([]string, 0, len(row))
		for _, cell := range row {
			text := strings.ReplaceAll(m.spans(cell), "|", `\|`)
			cells = append(cells, strings.ReplaceAll(text, "\n", "<br>"))
		}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
		if n == 0 {
			lines = append(lines, delimiters(b.Align))
		}
	}
	return strings.Join(lines, "\n")
}

func delimiters(columns []render.Align) string {
	marks := map[render.Align]string{render.Natural: "---", render.Left: ":--", render.Center: ":-:", render.Right: "--:"}
	cells := make([]string, 0, len(columns))
	for _, a := range columns {
		cells = append(cells, marks[a])
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// thin is a space that is hardly seen. Feishu's clients know emphasis by the
// space around it, which Chinese does not have.
const thin = "\u200a"

// spans puts marks around neighbours of one style together.
func (m *markdown) spans(spans []render.Span) string {
	var b strings.Builder
	for i := 0; i < len(spans); {
		style := spans[i].Style &^ render.Mono
		from := i
		var inner strings.Builder
		for ; i < len(spans) && spans[i].Style&^render.Mono == style; i++ {
			inner.WriteString(m.span(spans[i]))
		}
		if style == 0 {
			b.WriteString(inner.String())
			continue
		}
		if m.thin && from > 0 && !strings.HasSuffix(spans[from-1].Text, " ") && !strings.HasSuffix(spans[from-1].Text, "\n") {
			b.WriteString(thin)
		}
		b.WriteString(styled(inner.String(), style))
		if m.thin && i < len(spans) && !strings.HasPrefix(spans[i].Text, " ") && !strings.HasPrefix(spans[i].Text, "\n") {
			b.WriteString(thin)
		}
	}
	return b.String()
}

func styled(text string, style render.Style) string {
	for _, mark := range []struct {
		style render.Style
		text  string
	}{{render.Italic, "*"}, {render.Bold, "**"}, {render.Strike, "~~"}} {
		if style&mark.style != 0 {
			text = mark.text + text + mark.text
		}
	}
	return text
}

func (m *markdown) span(s render.Span) string {
	text := m.text(s.Text)
	if s.Style&render.Mono != 0 {
		text = codeSpan(s.Text)
	}
	if s.URL == "" {
		return text
	}
	url := s.URL
	if strings.ContainsAny(url, "() ") {
		url = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20").Replace(url)
	}
	return "[" + text + "](" + url + ")"
}

func codeSpan(code string) string {
	fence := "`"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	if strings.HasPrefix(code, "`") || strings.HasSuffix(code, "`") {
		code = " " + code + " "
	}
	return fence + code + fence
}

// escaped writes text as HTML entities wherever it could be taken for markup,
// which cards understand.
// https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-components/content-components/rich-text
func escaped(text string) string {
	var b strings.Builder
	lineStart := true
	for _, r := range text {
		switch {
		case strings.ContainsRune("*_~`<>[]&\\$|", r), lineStart && strings.ContainsRune("#-+", r):
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		case r == '.' && numbered(b.String()):
			b.WriteString("&#46;")
		default:
			b.WriteRune(r)
		}
		lineStart = r == '\n' || lineStart && r == ' '
	}
	return b.String()
}

// numbered reports whether the last line of text is nothing but a number, so
// that a full stop would make it an item of a list.
func numbered(text string) bool {
	line := strings.TrimLeft(text[strings.LastIndexByte(text, '\n')+1:], " ")
	return line != "" && strings.Trim(line, "0123456789") == ""
}
