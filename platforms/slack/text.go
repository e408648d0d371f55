package slack

import (
	"slices"
	"strings"

	"github.com/parley-bot/parley/platforms"
)

// spoken is a message's text as the person meant it.
type spoken struct {
	text      string
	addressed bool // the bot is mentioned
	quoted    bool // the bot is named where it wakes nobody: in code, or in what somebody else said
	mentions  []platforms.Mention
}

// users returns everybody who is mentioned, once.
func (s *spoken) users() []string {
	var ids []string
	for _, m := range s.mentions {
		if !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// readText turns Slack's markup into plain text: the mention of the bot goes,
// other references become readable, entities become characters. The ids
// behind references to people are kept aside. In code a reference to somebody
// or something is only text.
// Source: https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
func readText(raw string, bots []string) spoken {
	var said spoken
	var out strings.Builder
	code := codeIn(raw)
	for rest := raw; rest != ""; {
		before, reference, after := nextReference(rest)
		at := len(raw) - len(rest) + len(before)
		out.WriteString(unescape(before))
		rest = after
		id, isUser := strings.CutPrefix(reference, "@")
		id, _, _ = strings.Cut(id, "|")
		isBot := isUser && slices.Contains(bots, id)
		switch {
		case reference == "":
		case strings.ContainsAny(reference[:1], "@#!") && code.holds(at):
			said.quoted = said.quoted || isBot
			out.WriteString("<" + unescape(reference) + ">")
		case isBot:
			said.addressed = true
			if endsBlank(out.String()) {
				rest = strings.TrimLeft(rest, " ")
			}
		default:
			text := readable(reference)
			out.WriteString(text)
			if isUser {
				said.mentions = append(said.mentions, platforms.Mention{ID: id, Text: text})
			}
		}
	}
	said.text = out.String()
	if said.addressed {
		said.text = strings.TrimSpace(said.text)
	}
	return said
}

// spans are pieces of a text, in order.
type spans [][2]int

func (s spans) holds(at int) bool {
	return slices.ContainsFunc(s, func(span [2]int) bool { return span[0] <= at && at < span[1] })
}

// codeIn returns where a text in Slack's markup holds code.
func codeIn(raw string) (code spans) {
	for from := 0; ; {
		open := strings.IndexByte(raw[from:], '`')
		if open < 0 {
			return code
		}
		open += from
		mark, rest := "`", raw[open+1:]
		if strings.HasPrefix(raw[open:], fence) {
			mark, rest = fence, raw[open+len(fence):]
		} else if line := strings.IndexByte(rest, '\n'); line >= 0 {
			rest = rest[:line]
		}
		from = open + len(mark)
		if size := strings.Index(rest, mark); size > 0 {
			from += size + len(mark)
			code = append(code, [2]int{open, from})
		}
	}
}

const fence = "```"

// nextReference cuts raw around its first <reference>.
func nextReference(raw string) (before, reference, after string) {
	for from := 0; ; {
		open := strings.IndexByte(raw[from:], '<')
		if open < 0 {
			return raw, "", ""
		}
		open += from
		size := strings.IndexAny(raw[open+1:], "<>")
		if size < 0 {
			return raw, "", ""
		}
		end := open + 1 + size
		if raw[end] == '>' && size > 0 {
			return raw[:open], raw[open+1 : end], raw[end+1:]
		}
		from = end
	}
}

func endsBlank(s string) bool {
	return s == "" || strings.ContainsAny(s[len(s)-1:], " \n\t")
}

// readable returns the text for what stands between < and >.
func readable(reference string) string {
	if reference == "" {
		return ""
	}
	target, label, _ := strings.Cut(reference, "|")
	target, label = unescape(target), unescape(label)
	switch reference[0] {
	case '@', '#': // a person, a channel
		if label == "" {
			return target
		}
		return target[:1] + strings.TrimPrefix(label, target[:1])
	case '!':
		return special(target[1:], label)
	default:
		if !strings.Contains(target, ":") {
			return "<" + unescape(reference) + ">" // no markup after all
		}
		return link(target, label)
	}
}

// special returns the text for <!here>, <!subteam^ID|@name> and <!date^…|…>.
func special(target, label string) string {
	if strings.HasPrefix(target, "date^") && label != "" {
		return label
	}
	if label == "" {
		label = target
	}
	return "@" + strings.TrimPrefix(label, "@")
}

// link keeps the address of a link whose label does not show it.
func link(target, label string) string {
	if label == "" {
		label = strings.TrimPrefix(target, "mailto:")
		return strings.TrimPrefix(label, "tel:")
	}
	for _, prefix := range []string{"", "http://", "https://", "mailto:", "tel:"} {
		if target == prefix+label {
			return label
		}
	}
	return label + " (" + target + ")"
}

// escape writes text so that Slack shows it as it is.
func escape(text string) string {
	if !strings.ContainsAny(text, "&<>") {
		return text
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

func unescape(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(text)
}
