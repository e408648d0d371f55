package admin

import (
	"strings"

	"github.com/parley-bot/parley/platforms/render"
)

// node is a piece of a reply as the page shows it: text, or an element of one of
// a few names with others inside. The page makes elements of nodes and never
// reads HTML.
type node struct {
	Tag   string `json:"tag,omitempty"` // "" = text
	Text  string `json:"text,omitempty"`
	Start int    `json:"start,omitempty"` // of "ol"
	Align string `json:"align,omitempty"` // of "th" and "td": "left", "center" or "right"
	Nodes []node `json:"nodes,omitempty"`
	Href  string `json:"href,omitempty"` // of "a"
}

// view reads the Markdown of a reply.
func view(text string) []node { return blockNodes(render.Parse(text)) }

func blockNodes(blocks []render.Block) []node {
	nodes := make([]node, 0, len(blocks))
	for _, b := range blocks {
		nodes = append(nodes, blockNode(b))
	}
	return nodes
}

func blockNode(b render.Block) node {
	switch b.Kind {
	case render.Heading: // the page has its own title
		return node{Tag: [...]string{"h2", "h3", "h4", "h5", "h6", "h6"}[b.Level-1], Nodes: spanNodes(b.Spans)}
	case render.Code:
		return node{Tag: "pre", Nodes: []node{{Tag: "code", Nodes: []node{{Text: b.Text}}}}}
	case render.Quote:
		return node{Tag: "blockquote", Nodes: blockNodes(b.Blocks)}
	case render.List:
		return listNode(b)
	case render.Table:
		return tableNode(b)
	case render.Rule:
		return node{Tag: "hr"}
	default:
		return node{Tag: "p", Nodes: spanNodes(b.Spans)}
	}
}

func listNode(b render.Block) node {
	list := node{Tag: "ul"}
	if b.Ordered {
		list.Tag, list.Start = "ol", b.Start
	}
	for _, item := range b.Items {
		nodes := blockNodes(item)
		if len(nodes) > 0 && nodes[0].Tag == "p" && !strings.Contains(render.Text(item[0].Spans), "\n") {
			nodes = append(nodes[0].Nodes, nodes[1:]...) // a line of its own needs no paragraph
		}
		list.Nodes = append(list.Nodes, node{Tag: "li", Nodes: nodes})
	}
	return list
}

func tableNode(b render.Block) node {
	head, body := node{Tag: "thead"}, node{Tag: "tbody"}
	for n, row := range b.Rows {
		tr, cellTag := node{Tag: "tr"}, "td"
		if n == 0 {
			cellTag = "th"
		}
		for i, cell := range row {
			tr.Nodes = append(tr.Nodes, node{
				Tag: cellTag, Align: [...]string{"", "left", "center", "right"}[b.Align[i]], Nodes: spanNodes(cell),
			})
		}
		if n == 0 {
			head.Nodes = []node{tr}
		} else {
			body.Nodes = append(body.Nodes, tr)
		}
	}
	return node{Tag: "table", Nodes: []node{head, body}}
}

func spanNodes(spans []render.Span) []node {
	nodes := make([]node, 0, len(spans))
	for _, s := range spans {
		n := node{Text: s.Text}
		for _, one := range []struct {
			style render.Style
			tag   string
		}{{render.Mono, "code"}, {render.Strike, "s"}, {render.Italic, "em"}, {render.Bold, "strong"}} {
			if s.Style&one.style != 0 {
				n = node{Tag: one.tag, Nodes: []node{n}}
			}
		}
		if s.URL != "" {
			n = node{Tag: "a", Href: s.URL, Nodes: []node{n}}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// growing tells when a growing reply is worth to be read anew: as long as it is
// short with every line, later each time it is longer by an eighth.
type growing struct {
	text strings.Builder
	read int // bytes of it
}

// add takes a piece and returns the whole text when it is to be read.
func (g *growing) add(piece string) (text string, due bool) {
	g.text.WriteString(piece)
	const line = 60 // bytes
	grown := g.text.Len() - g.read
	if grown < g.read/8 || (grown < line && !strings.Contains(piece, "\n")) {
		return "", false
	}
	g.read = g.text.Len()
	return g.text.String(), true
}
