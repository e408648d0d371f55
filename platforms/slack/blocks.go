package slack

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/parley-bot/parley/platforms"
)

// block is a block of Block Kit, or an element of one, as far as somebody can
// read it. All kinds share one form, so that a kind which is not known yet is
// read for the texts that it has.
// Source: https://docs.slack.dev/reference/block-kit/blocks
type block struct {
	Type      word      `json:"type"`
	Text      phrase    `json:"text"`
	Title     phrase    `json:"title"`
	Caption   phrase    `json:"caption"`
	AltText   phrase    `json:"alt_text"`
	Fields    []phrase  `json:"fields"`
	Elements  []block   `json:"elements"`
	Accessory *block    `json:"accessory"`
	Rows      [][]block `json:"rows"`

	// Of what stands inside rich text, and of buttons.
	Style       style  `json:"style"`
	Indent      word   `json:"indent"`
	Offset      word   `json:"offset"`
	Value       phrase `json:"value"`
	URL         phrase `json:"url"`
	Name        word   `json:"name"`
	UserID      word   `json:"user_id"`
	ChannelID   word   `json:"channel_id"`
	UsergroupID word   `json:"usergroup_id"`
	Range       word   `json:"range"`
	Fallback    phrase `json:"fallback"`
	BlockID     word   `json:"block_id"`
	ActionID    word   `json:"action_id"`
}

// style is that of a text ("code": true) or that of a list ("ordered").
type style struct{ code, ordered bool }

// UnmarshalJSON implements [json.Unmarshaler]. It never fails.
func (s *style) UnmarshalJSON(raw []byte) error {
	var marks struct {
		Code boolean `json:"code"`
	}
	_ = lenient.Decode(raw, &marks)
	*s = style{code: bool(marks.Code), ordered: string(raw) == `"ordered"`}
	return nil
}

// reader reads the blocks of one message and notes who is named in them.
type reader struct {
	bots []string
	said spoken
}

// beyond returns the texts of those blocks that say more than text does. What
// people write comes as text and as rich text, a table only as a block.
func (r *reader) beyond(text string, all []block) []string {
	var texts []string
	for i := range all {
		words := strings.TrimSpace(r.block(&all[i]))
		if words != "" && (len(all[i].Rows) > 0 || !says(text, words)) {
			texts = append(texts, words)
		}
	}
	return texts
}

func (r *reader) block(b *block) string {
	switch b.Type {
	case "actions", "context_actions", "input", "divider": // to be used, not to be read
		return ""
	case "rich_text":
		return r.richText(b.Elements)
	}
	lines := []string{r.phrase(b.Title), r.phrase(b.Caption), r.phrase(b.Text)}
	if b.Type == "image" {
		lines = append(lines, r.phrase(b.AltText))
	}
	for _, field := range b.Fields {
		lines = append(lines, r.phrase(field))
	}
	for i := range b.Elements {
		lines = append(lines, r.element(&b.Elements[i]))
	}
	return joined("\n", append(lines, r.table(b.Rows))...)
}

// element is what stands in a context block, or in a block that is not known:
// another block, or a piece of rich text.
func (r *reader) element(b *block) string {
	if text := r.block(b); text != "" {
		return text
	}
	return r.inline(b)
}

// phrase reads a text object.
func (r *reader) phrase(p phrase) string {
	if !p.markup {
		return p.text
	}
	said := readText(p.text, r.bots)
	r.said.addressed = r.said.addressed || said.addressed
	r.said.quoted = r.said.quoted || said.quoted
	r.said.mentions = append(r.said.mentions, said.mentions...)
	return said.text
}

// richText reads what people write in Slack's editor.
// Source: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
func (r *reader) richText(elements []block) string {
	var texts []string
	for i := range elements {
		e := &elements[i]
		switch e.Type {
		case "rich_text_preformatted":
			texts = append(texts, fenced(r.line(e.Elements)))
		case "rich_text_quote":
			texts = append(texts, quote(r.line(e.Elements)))
		case "rich_text_list":
			texts = append(texts, r.list(e))
		default:
			texts = append(texts, r.line(e.Elements), r.inline(e))
		}
	}
	return joined("\n", texts...)
}

func (r *reader) list(l *block) string {
	indent := strings.Repeat("  ", int(min(max(l.Indent.int(), 0), 8)))
	lines := make([]string, len(l.Elements))
	for i := range l.Elements {
		mark := "- "
		if l.Style.ordered {
			mark = strconv.FormatInt(l.Offset.int()+int64(i)+1, 10) + ". "
		}
		lines[i] = indent + mark + r.line(l.Elements[i].Elements)
	}
	return strings.Join(lines, "\n")
}

func (r *reader) line(elements []block) string {
	var out strings.Builder
	afterBot := false
	for i := range elements {
		text := r.inline(&elements[i])
		if afterBot {
			text = strings.TrimLeft(text, " ")
		}
		afterBot = elements[i].isBot(r.bots) && endsBlank(out.String())
		out.WriteString(text)
	}
	return out.String()
}

func (b *block) isBot(bots []string) bool {
	return b.Type == "user" && !b.Style.code && contains(bots, b.UserID)
}

// inline reads a piece of a line.
func (r *reader) inline(b *block) string {
	switch {
	case b.Type == "user" && b.Style.code:
		r.said.quoted = r.said.quoted || contains(r.bots, b.UserID)
		return "`<@" + b.UserID.String() + ">`"
	case b.isBot(r.bots):
		r.said.addressed = true
		return ""
	case b.Type == "user" && b.UserID != "":
		r.said.mentions = append(r.said.mentions, platforms.Mention{ID: b.UserID.String(), Text: "@" + b.UserID.String()})
		return "@" + b.UserID.String()
	case b.Type == "channel":
		return "#" + b.ChannelID.String()
	case b.Type == "usergroup":
		return "@subteam^" + b.UsergroupID.String()
	case b.Type == "broadcast":
		return "@" + b.Range.String()
	case b.Type == "emoji":
		return ":" + b.Name.String() + ":"
	case b.Type == "link":
		return link(b.URL.text, b.Text.text)
	case b.Type == "date":
		return b.Fallback.text
	case b.Style.code && b.Text.text != "":
		return "`" + b.Text.text + "`"
	}
	return r.phrase(b.Text)
}

// table writes rows as Markdown does.
// Source: https://docs.slack.dev/reference/block-kit/blocks/table-block
func (r *reader) table(rows [][]block) string {
	var lines []string
	for i, row := range rows {
		line, rule := "|", "|"
		for j := range row {
			line += " " + cell(r.cell(&row[j])) + " |"
			rule += " --- |"
		}
		lines = append(lines, line)
		if i == 0 {
			lines = append(lines, rule)
		}
	}
	return strings.Join(lines, "\n")
}

func (r *reader) cell(c *block) string {
	if c.Type == "rich_text" {
		return r.richText(c.Elements)
	}
	return cmp.Or(r.phrase(c.Text), c.Value.text, r.element(c))
}

func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// fenced puts code between fences that are longer than any in it.
func fenced(code string) string {
	if strings.TrimSpace(code) == "" {
		return ""
	}
	mark := fence
	for strings.Contains(code, mark) {
		mark += "`"
	}
	return mark + "\n" + strings.Trim(code, "\n") + "\n" + mark
}

func quote(text string) string {
	if text == "" {
		return ""
	}
	return "> " + strings.ReplaceAll(text, "\n", "\n> ")
}

// joined leaves out what is empty.
func joined(separator string, texts ...string) string {
	var out strings.Builder
	for _, text := range texts {
		if text == "" {
			continue
		}
		if out.Len() > 0 {
			out.WriteString(separator)
		}
		out.WriteString(text)
	}
	return out.String()
}

func contains(ids []string, id word) bool {
	for _, one := range ids {
		if one == id.String() {
			return true
		}
	}
	return false
}

// says reports whether a text holds the words of another one, whatever marks
// stand between them.
func says(text, words string) bool {
	letters := lettersOf(words)
	return strings.Contains(text, words) || letters != "" && strings.Contains(lettersOf(text), letters)
}

func lettersOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) && r > unicode.MaxASCII {
			return r
		}
		return -1
	}, text)
}
