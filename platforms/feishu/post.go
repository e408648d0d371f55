package feishu

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/platforms/render"
)

// rendered returns a message that shows text. What has no markup is a text
// message, which shows it as it stands; anything else a rich text, which in
// part is Markdown that Feishu's clients read.
func rendered(key, text string) outgoing {
	blocks := render.Parse(text)
	if !render.Plain(text, blocks) {
		if content := postContent(blocks); len(content) <= maxContent {
			return outgoing{key: key, kind: larkim.MsgTypePost, content: content}
		}
	}
	return outgoing{key: key, kind: larkim.MsgTypeText, content: textContent(text)}
}

// postElement is a piece of a paragraph of a rich text.
// https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
type postElement struct {
	Tag      string   `json:"tag"`
	Text     string   `json:"text,omitempty"`
	Style    []string `json:"style,omitempty"`
	Href     string   `json:"href,omitempty"`
	Language string   `json:"language,omitempty"`
}

// postContent returns the content of a rich text.
func postContent(blocks []render.Block) string {
	p := postWriter{common: render.Common()}
	p.document(blocks)
	b, err := json.Marshal(map[string]any{"zh_cn": map[string]any{"title": "", "content": p.paragraphs}})
	if err != nil { // texts always marshal
		return ""
	}
	return string(b)
}

// postWriter collects paragraphs. Feishu's Markdown knows no way to write a mark
// that is none, and its clients want space around emphasis, which Chinese does
// not have. So only what any reader of Markdown reads as it is meant is written
// as such, and tables, which have no other form; everything else is written in
// elements of its own, which nobody parses.
type postWriter struct {
	paragraphs [][]postElement
	common     func(string) []render.Block // reads as clients do
}

func (p *postWriter) add(elements ...postElement) {
	if len(elements) > 0 {
		p.paragraphs = append(p.paragraphs, elements)
	}
}

// document writes all blocks, an empty line between two.
func (p *postWriter) document(blocks []render.Block) {
	for _, b := range blocks {
		md, ok := p.safeMarkdown(b)
		last := len(p.paragraphs) - 1
		if ok && last >= 0 && p.paragraphs[last][0].Tag == "md" {
			p.paragraphs[last][0].Text += "\n\n" + md
			continue
		}
		if last >= 0 {
			p.add(postElement{Tag: "text", Text: " "})
		}
		if ok {
			p.add(postElement{Tag: "md", Text: md})
		} else {
			p.block(b, "")
		}
	}
}

// safeMarkdown writes a block as Markdown, if it is read as it is meant.
func (p *postWriter) safeMarkdown(b render.Block) (text string, ok bool) {
	m := markdown{text: func(s string) string { return s }, tables: maxTables}
	if b.Kind == render.Table {
		m.thin, m.text = true, withoutMentions
		return m.block(b), true
	}
	text = m.block(b)
	switch {
	case b.Kind == render.Code:
		return withoutMentions(text), true
	case markless(b):
		return text, true
	}
	if strings.ContainsAny(text, "<\u200b") || strings.Count(text, "~") != 2*strings.Count(text, "~~") || !roomy(b) {
		return "", false
	}
	return text, reflect.DeepEqual(p.common(text), []render.Block{b})
}

// markless reports whether a block is one line that begins with a letter and holds
// nothing that is a mark anywhere, so that it need not be read once more.
func markless(b render.Block) bool {
	if b.Kind != render.Paragraph && b.Kind != render.Heading || len(b.Spans) != 1 || b.Spans[0].Style != 0 || b.Spans[0].URL != "" {
		return false
	}
	text := b.Spans[0].Text
	first, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(first) && !strings.HasSuffix(text, " ") && !strings.ContainsFunc(text, func(r rune) bool {
		return r != ' ' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".,;?'\"。，；：？！“”（）", r)
	})
}

// roomy reports whether no letter stands right beside emphasis.
func roomy(b render.Block) bool {
	for i := 1; i < len(b.Spans); i++ {
		left, right := b.Spans[i-1], b.Spans[i]
		before, _ := utf8.DecodeLastRuneInString(left.Text)
		after, _ := utf8.DecodeRuneInString(right.Text)
		const emphasis = render.Bold | render.Italic | render.Strike
		if left.Style&emphasis != right.Style&emphasis && !unicode.IsSpace(before) && !unicode.IsSpace(after) &&
			(left.Style&emphasis == 0 && !isASCIIPunct(before) || right.Style&emphasis == 0 && !isASCIIPunct(after)) {
			return false
		}
	}
	for _, inner := range b.Blocks {
		if !roomy(inner) {
			return false
		}
	}
	for _, item := range b.Items {
		for _, inner := range item {
			if !roomy(inner) {
				return false
			}
		}
	}
	return true
}

func isASCIIPunct(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r))
}

// block writes a block in elements of its own.
func (p *postWriter) block(b render.Block, indent string) {
	switch b.Kind {
	case render.Code:
		p.add(postElement{Tag: "code_block", Language: postLanguage(b.Language), Text: withoutMentions(b.Text)})
	case render.Rule:
		p.add(postElement{Tag: "hr"})
	case render.Quote:
		for _, inner := range b.Blocks {
			p.block(inner, indent+"▎")
		}
	case render.List:
		for i, item := range b.Items {
			mark := "• "
			if b.Ordered {
				mark = strconv.Itoa(b.Start+i) + ". "
			}
			p.item(item, indent+mark, indent+"    ")
		}
	case render.Table:
		for _, l := range render.Grid(b) {
			p.add(postElement{Tag: "text", Text: indent + withoutMentions(l)})
		}
	case render.Heading:
		bold := make([]render.Span, len(b.Spans))
		for i, s := range b.Spans {
			s.Style |= render.Bold
			bold[i] = s
		}
		p.add(withIndent(indent, bold)...)
	default:
		p.add(withIndent(indent, b.Spans)...)
	}
}

// postLanguage returns the name that Feishu has for the language of a code
// block, "" for one it does not know.
func postLanguage(name string) string {
	name = strings.ToUpper(name)
	switch name {
	case "JS":
		return "JAVASCRIPT"
	case "TS":
		return "TYPESCRIPT"
	case "PY":
		return "PYTHON"
	case "SH":
		return "SHELL"
	case "C++":
		return "CPP"
	case "YML":
		return "YAML"
	case "PYTHON", "C", "CPP", "GO", "JAVA", "KOTLIN", "SWIFT", "PHP", "RUBY", "RUST", "JAVASCRIPT", "TYPESCRIPT",
		"BASH", "SHELL", "SQL", "JSON", "XML", "YAML", "HTML", "THRIFT":
		return name
	default:
		return ""
	}
}

// item writes an item of a list: its first line behind the mark.
func (p *postWriter) item(blocks []render.Block, mark, indent string) {
	if len(blocks) > 0 && blocks[0].Kind == render.Paragraph {
		p.add(withIndent(mark, blocks[0].Spans)...)
		blocks = blocks[1:]
	} else {
		p.add(postElement{Tag: "text", Text: mark})
	}
	for _, b := range blocks {
		p.block(b, indent)
	}
}

func withIndent(indent string, spans []render.Span) []postElement {
	var elements []postElement
	if indent != "" {
		elements = append(elements, postElement{Tag: "text", Text: indent})
	}
	for _, s := range spans {
		text := withoutMentions(s.Text)
		if s.Style&render.Mono != 0 {
			text = codeSpan(text)
		}
		if s.URL != "" {
			elements = append(elements, postElement{Tag: "a", Text: text, Href: s.URL, Style: styleNames(s.Style)})
		} else {
			elements = append(elements, postElement{Tag: "text", Text: text, Style: styleNames(s.Style)})
		}
	}
	return elements
}

func styleNames(style render.Style) []string {
	var names []string
	for _, s := range []struct {
		style render.Style
		name  string
	}{{render.Bold, "bold"}, {render.Italic, "italic"}, {render.Strike, "lineThrough"}} {
		if style&s.style != 0 {
			names = append(names, s.name)
		}
	}
	return names
}
