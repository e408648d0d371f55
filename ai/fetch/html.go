package fetch

import (
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// textOf returns what a reader sees of a page.
func textOf(kind string, body io.Reader) (string, error) {
	if kind != "text/html" && kind != "application/xhtml+xml" {
		text, err := io.ReadAll(body)
		return strings.ToValidUTF8(string(text), ""), err
	}
	var b strings.Builder
	tokens, unseen := html.NewTokenizer(body), 0
	tokens.SetMaxBuf(maxBody)
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if err := tokens.Err(); !errors.Is(err, io.EOF) {
				return "", err
			}
			return tidy(b.String()), nil
		case html.TextToken:
			if unseen == 0 {
				b.Write(tokens.Text())
			}
		case html.StartTagToken:
			name, _ := tokens.TagName()
			unseen += begin(&b, atom.Lookup(name))
		case html.EndTagToken:
			name, _ := tokens.TagName()
			unseen = max(0, unseen-end(&b, atom.Lookup(name)))
		case html.SelfClosingTagToken, html.CommentToken, html.DoctypeToken:
		}
	}
}

// isHidden reports whether nobody sees what a tag holds.
func isHidden(tag atom.Atom) bool {
	return slices.Contains([]atom.Atom{atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Iframe, atom.Object}, tag)
}

// isBlock reports whether what a tag holds stands on lines of its own.
func isBlock(tag atom.Atom) bool {
	return slices.Contains([]atom.Atom{
		atom.P, atom.Div, atom.Br, atom.Li, atom.Ul, atom.Ol, atom.Table, atom.Tr, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Section, atom.Article, atom.Header, atom.Footer, atom.Nav, atom.Main, atom.Pre, atom.Blockquote, atom.Title, atom.Dt, atom.Dd,
	}, tag)
}

func begin(b *strings.Builder, tag atom.Atom) (unseen int) {
	switch {
	case isHidden(tag):
		return 1
	case tag == atom.Td || tag == atom.Th:
		b.WriteString(" | ")
	case isBlock(tag):
		b.WriteByte('\n')
	}
	return 0
}

func end(b *strings.Builder, tag atom.Atom) (unseen int) {
	if isHidden(tag) {
		return 1
	}
	if isBlock(tag) {
		b.WriteByte('\n')
	}
	return 0
}

// tidy leaves out what is only white space.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(html.UnescapeString(text)) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.ToValidUTF8(strings.Join(lines, "\n"), "")
}
