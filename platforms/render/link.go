package render

import (
	"net/url"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// live returns the address of a link that may be followed, "" for any other.
func live(destination string) string {
	u, err := url.Parse(destination)
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
	case "mailto":
		if u.Opaque == "" {
			return ""
		}
	default:
		return ""
	}
	return destination
}

// link adds a link or an image. Of one that is not live the address is text,
// behind its own, and so is a title.
func (c *collector) link(n ast.Node, destination, title []byte, style Style, outer string) {
	target := string(util.UnescapePunctuations(destination))
	address := live(target)
	if outer != "" {
		address = outer // a picture inside a link
	}
	c.children(n, style, address)
	switch {
	case n.FirstChild() == nil:
		c.add(target, style, address)
	case address == "" && target != "":
		c.add(" ("+target+")", style, outer)
	}
	if len(title) > 0 {
		c.add(" ("+string(util.UnescapePunctuations(title))+")", style, outer)
	}
}

// autoLink adds what stands in angle brackets.
func (c *collector) autoLink(n *ast.AutoLink, style Style, outer string) {
	label := string(n.Label(c.source))
	address := label
	if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(label), "mailto:") {
		address = "mailto:" + label
	}
	if address = live(address); address == "" {
		label = "<" + label + ">"
	}
	if outer != "" {
		address = outer
	}
	c.add(label, style, address)
}

// linked returns the spans with the bare addresses in them as links, also
// where no space stands before or after, as in Chinese.
func (c *collector) linked() []Span {
	c.end()
	list := make([]Span, 0, len(c.spans))
	for _, s := range c.spans {
		if s.URL != "" || s.Style&Mono != 0 {
			list = append(list, s)
			continue
		}
		rest := s.Text
		for rest != "" {
			before, address, after := nextAddress(rest)
			if before != "" {
				list = append(list, Span{Text: before, Style: s.Style})
			}
			if address != "" {
				list = append(list, Span{Text: address, Style: s.Style, URL: address})
			}
			rest = after
		}
	}
	return list
}

// nextAddress cuts text around its first http or https address.
func nextAddress(text string) (before, address, after string) {
	for from := 0; ; {
		colon := strings.Index(text[from:], "://")
		if colon < 0 {
			return text, "", ""
		}
		colon += from
		end := colon + len("://")
		for end < len(text) && text[end] > ' ' && text[end] < 0x7f && text[end] != '<' && text[end] != '>' {
			end++
		}
		from = end
		start := colon
		for start > 0 && wordCharacter(rune(text[start-1])) {
			start--
		}
		if address = trimAddress(text[start:end]); len(address) > colon-start+len("://") && live(address) != "" {
			return text[:start], address, text[start+len(address):]
		}
	}
}

// trimAddress takes from the end of a bare address what belongs to the sentence around it.
func trimAddress(s string) string {
	for s != "" {
		last := s[len(s)-1]
		switch {
		case strings.IndexByte(".,:;!?'\"*_~`|\\", last) >= 0:
		case last == ')' && strings.Count(s, ")") > strings.Count(s, "("):
		case last == ']' && strings.Count(s, "]") > strings.Count(s, "["):
		case last == '}' && strings.Count(s, "}") > strings.Count(s, "{"):
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}
