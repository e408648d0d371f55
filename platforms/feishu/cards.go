package feishu

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/render"
)

// replyElement is the id of what grows in a card; at most 20 characters.
const replyElement = "reply"

// maxElement is how many characters one element shows in any client: of one that
// is longer some cut off the end.
const maxElement = 8000

// cardJSON returns a card of the second schema that shows text.
// https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-structure
func cardJSON(to platforms.Address, p platforms.Part, grows bool, tables int) string {
	var elements []any
	for i, text := range cardTexts(p.Text, tables) {
		id := replyElement
		if i > 0 {
			id += strconv.Itoa(i + 1)
		}
		elements = append(elements, map[string]any{"tag": "markdown", "element_id": id, "content": text})
	}
	if row := buttons(to, p.Verbs); row != nil {
		elements = append(elements, row)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a card is full of entities, and its bytes are counted
	err := e.Encode(map[string]any{
		"schema": "2.0",
		"config": cardConfig(p.Text, grows),
		"body":   map[string]any{"elements": elements},
	})
	if err != nil { // texts always marshal
		return ""
	}
	return strings.TrimSpace(b.String())
}

// posted returns a part that has buttons as a card, which alone can have them;
// ok is false where there are none, or the card would be too large.
func posted(to platforms.Address, p platforms.Part) (m outgoing, ok bool) {
	if p.File != "" || len(p.Verbs) == 0 {
		return m, false
	}
	m = outgoing{key: p.Key, kind: larkim.MsgTypeInteractive, content: cardJSON(to, p, false, maxTables)}
	return m, len(m.content) <= maxContent
}

// cardTexts returns what each element of a card shows.
func cardTexts(text string, tables int) []string {
	whole := cardText(text, tables)
	if utf8.RuneCountInString(whole) <= maxElement {
		return []string{whole}
	}
	m := cardMarkdown(tables)
	var texts []string
	for _, piece := range render.Split(text, render.Limits{Size: maxElement, Measure: escapedSize}) {
		if text := withoutMentions(m.blocks(render.Parse(piece))); strings.TrimSpace(text) != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// escapedSize returns how many characters text is at most as a card's Markdown.
func escapedSize(text string) int {
	const entity, spaces = len("&#124;"), 2
	size := 0
	for _, r := range text {
		switch {
		case r == '\n':
			size += len("    > ") + entity
		case r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)):
			size += entity + spaces
		default:
			size++
		}
	}
	return size
}

// cardConfig says whether a card grows. While it does, lists of chats say so;
// afterwards they show the summary.
func cardConfig(text string, grows bool) map[string]any {
	config := map[string]any{"streaming_mode": grows, "update_multi": true}
	if !grows {
		config["summary"] = map[string]any{"content": withoutMentions(summary(text))}
	}
	return config
}

// summary is the beginning of a text in one line.
func summary(text string) string {
	const longest = 60 // characters
	var words []string
	for _, b := range render.Parse(text) {
		words = append(words, strings.Fields(render.Text(b.Spans)+" "+b.Text)...)
		if len(words) > longest {
			break
		}
	}
	line := []rune(strings.Join(words, " "))
	if len(line) > longest {
		return string(line[:longest]) + "…"
	}
	return string(line)
}

// cardText returns Markdown as cards read it. Their headings are large: the
// first of a reply is of the fourth size.
func cardText(text string, tables int) string {
	m := cardMarkdown(tables)
	return withoutMentions(m.blocks(render.Parse(text)))
}

func cardMarkdown(tables int) *markdown {
	const smaller = 3
	return &markdown{text: escaped, thin: true, tables: tables, raise: smaller}
}

// buttons returns a row of what may be done about a reply, nil for nothing. What
// a press needs to be understood travels in it, since Feishu does not tell what
// kind of chat a card stands in.
// https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-components/interactive-components/button
func buttons(to platforms.Address, verbs []platforms.Verb) any {
	signs := map[platforms.Verb]string{
		platforms.VerbStop: "⏹", platforms.VerbRegenerate: "🔄", platforms.VerbUp: "👍", platforms.VerbDown: "👎",
		platforms.VerbApprove: "✅", platforms.VerbDeny: "🚫",
	}
	var columns []any
	for _, v := range verbs {
		sign, known := signs[v]
		if !known {
			continue
		}
		value := map[string]string{"parley": string(v)}
		if strings.Contains(to.UserKey, ":"+string(platforms.Private)+":") {
			value["chat_type"] = "p2p"
		}
		if to.ThreadID != "" {
			value["thread"] = to.ThreadID
		}
		columns = append(columns, map[string]any{"tag": "column", "width": "auto", "elements": []any{map[string]any{
			"tag": "button", "type": "text", "size": "small", "element_id": "parley_" + string(v),
			"text":      map[string]string{"tag": "plain_text", "content": sign},
			"behaviors": []any{map[string]any{"type": "callback", "value": value}},
		}}})
	}
	if columns == nil {
		return nil
	}
	return map[string]any{"tag": "column_set", "element_id": "parley_buttons", "columns": columns}
}
