package slack

import (
	"cmp"
	"strconv"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms/render"
)

const (
	bullet   = "• "
	numbered = ". "
)

// rendered returns Markdown as blocks, and as the text beside them: what
// notifications and search show, and what stands alone where Slack refuses the
// blocks.
func rendered(markdown string) (blocks []slackgo.Block, text string) {
	parsed := render.Parse(markdown)
	if !render.Plain(markdown, parsed) {
		text = strings.Join(textLines(parsed, true), "\n")
	}
	return blocksFrom(parsed), escape(cmp.Or(text, markdown))
}

// textLines writes blocks in the little of Slack's markup that is read the same
// beside every script: code, quotes and lists. Emphasis has no marks, since Slack
// shows them as they are beside Chinese. apart leaves an empty line between blocks.
// Source: https://docs.slack.dev/messaging/formatting-message-text
func textLines(blocks []render.Block, apart bool) (lines []string) {
	for i := range blocks {
		if i > 0 && apart {
			lines = append(lines, "")
		}
		lines = append(lines, textOf(&blocks[i])...)
	}
	return lines
}

func textOf(b *render.Block) []string {
	switch b.Kind {
	case render.Code:
		return inFence(b.Language, strings.Split(b.Text, "\n"))
	case render.Table:
		return inFence("", strings.Split(plainTable(b), "\n"))
	case render.Quote:
		return behind("> ", "> ", textLines(b.Blocks, true))
	case render.List:
		return listLines(b)
	case render.Rule:
		return []string{ruleText}
	default:
		return strings.Split(spanText(b.Spans), "\n")
	}
}

func listLines(b *render.Block) (lines []string) {
	for i, item := range b.Items {
		sign := bullet
		if b.Ordered {
			sign = strconv.Itoa(b.Start+i) + numbered
		}
		lines = append(lines, behind(sign, "    ", textLines(item, false))...)
	}
	return lines
}

// behind sets a sign before the first of lines and another one before the rest.
func behind(first, rest string, lines []string) []string {
	if len(lines) == 0 {
		return []string{first}
	}
	for i, sign := 0, first; i < len(lines); i, sign = i+1, rest {
		lines[i] = sign + lines[i]
	}
	return lines
}

// inFence keeps the language of code, which programs may read.
func inFence(language string, lines []string) []string {
	return append(append([]string{fence + language}, lines...), fence)
}

// spanText writes spans; an address that is not to be seen stands behind its text.
func spanText(spans []render.Span) string {
	var out strings.Builder
	for _, s := range spans {
		text := s.Text
		if s.Style&render.Mono != 0 && !strings.Contains(text, "`") {
			text = "`" + text + "`"
		}
		if out.WriteString(text); s.URL != "" && s.URL != s.Text {
			out.WriteString(" (" + s.URL + ")")
		}
	}
	return out.String()
}
