package cli

import (
	"io"
	"strconv"
	"strings"

	"github.com/parley-bot/parley/internal/show"
	"github.com/parley-bot/parley/platforms/render"
)

// replyWriter shows a reply as it comes. Close shows what is left of it.
type replyWriter interface {
	io.Writer
	Close() error
}

// replies returns what shows a reply: styled on a terminal that can, else as
// it is.
func (p *program) replies() replyWriter {
	if isTerminal(p.Out) && p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" {
		return &styledReply{to: raw(p.Out)}
	}
	return plainReply{p.Out}
}

type plainReply struct{ io.Writer }

func (plainReply) Close() error { return nil }

// styledReply shows Markdown block by block, each as soon as it is whole.
type styledReply struct {
	to    io.Writer
	open  strings.Builder // the last block, which may still grow
	shown bool
}

// Write implements io.Writer.
func (s *styledReply) Write(piece []byte) (int, error) {
	s.open.Write(piece)
	if !strings.Contains(string(piece), "\n") {
		return len(piece), nil
	}
	text := s.open.String()
	whole := render.LastBlock(text)
	if whole == 0 {
		return len(piece), nil
	}
	s.open.Reset()
	s.open.WriteString(text[whole:])
	return len(piece), s.show(text[:whole])
}

// Close implements replyWriter.
func (s *styledReply) Close() error {
	text := s.open.String()
	s.open.Reset()
	return s.show(text)
}

func (s *styledReply) show(text string) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if s.shown {
		text = "\n" + styledText(text)
	} else {
		text = styledText(text)
	}
	s.shown = true
	_, err := io.WriteString(s.to, text)
	return err
}

// The sequences that change how a terminal writes.
// https://en.wikipedia.org/wiki/ANSI_escape_code#Select_Graphic_Rendition_parameters
const (
	plainStyle  = "\x1b[0m"
	boldStyle   = "\x1b[1m"
	dimStyle    = "\x1b[2m"
	italicStyle = "\x1b[3m"
	underStyle  = "\x1b[4m"
	struckStyle = "\x1b[9m"
	codeStyle   = "\x1b[36m"
)

// styledText writes Markdown for a terminal.
func styledText(source string) string {
	return strings.Join(styledBlocks(render.Parse(source)), "\n\n") + "\n"
}

func styledBlocks(blocks []render.Block) []string {
	all := make([]string, 0, len(blocks))
	for _, b := range blocks {
		all = append(all, styledBlock(b))
	}
	return all
}

func styledBlock(b render.Block) string {
	switch b.Kind {
	case render.Heading:
		return styledSpans(b.Spans, boldStyle)
	case render.Code:
		return indented(style(show.Text(b.Text), codeStyle), "    ", "    ")
	case render.Quote:
		bar := style("│ ", dimStyle)
		return indented(strings.Join(styledBlocks(b.Blocks), "\n\n"), bar, bar)
	case render.List:
		return styledList(b)
	case render.Table:
		lines := render.Grid(b)
		lines[0] = style(show.Text(lines[0]), boldStyle)
		for i, l := range lines[1:] {
			lines[i+1] = show.Text(l)
		}
		return strings.Join(lines, "\n")
	case render.Rule:
		return style(strings.Repeat("─", 40), dimStyle)
	default:
		return styledSpans(b.Spans, "")
	}
}

func styledList(b render.Block) string {
	items := make([]string, 0, len(b.Items))
	for i, item := range b.Items {
		mark := "• "
		if b.Ordered {
			mark = strconv.Itoa(b.Start+i) + ". "
		}
		room := strings.Repeat(" ", len([]rune(mark)))
		items = append(items, indented(strings.Join(styledBlocks(item), "\n"), mark, room))
	}
	return strings.Join(items, "\n")
}

// indented puts first before the first line and others before every other.
func indented(text, first, others string) string {
	return first + strings.ReplaceAll(text, "\n", "\n"+others)
}

// styledSpans writes spans, each in its own style on top of base.
func styledSpans(spans []render.Span, base string) string {
	var b strings.Builder
	for _, s := range spans {
		var codes strings.Builder
		codes.WriteString(base)
		for _, one := range []struct {
			style render.Style
			code  string
		}{{render.Bold, boldStyle}, {render.Italic, italicStyle}, {render.Strike, struckStyle}, {render.Mono, codeStyle}} {
			if s.Style&one.style != 0 {
				codes.WriteString(one.code)
			}
		}
		if s.URL != "" {
			codes.WriteString(underStyle)
		}
		b.WriteString(style(show.Text(s.Text), codes.String()))
		if s.URL != "" && s.URL != s.Text {
			b.WriteString(style(" ("+show.Text(s.URL)+")", dimStyle))
		}
	}
	return b.String()
}

// style puts every line of text into a style of its own, so that what stands
// before the lines keeps its own.
func style(text, codes string) string {
	if codes == "" || text == "" {
		return text
	}
	return codes + strings.ReplaceAll(text, "\n", plainStyle+"\n"+codes) + plainStyle
}
