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
// behind references to people are kept aside.
// Source: https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
func readText(raw string, bots []string) spoken {
	var said spoken
	var out strings.Builder
	for raw != "" {
		before, reference, after := nextReference(raw)
		out.WriteString(unescape(before))
		raw = after
		id, isUser := strings.CutPrefix(reference, "@")
		id, _, _ = strings.Cut(id, "|")
		if isUser && slices.Contains(bots, id) {
			said.addressed = true
			if endsBlank(out.String()) {
				raw = strings.TrimLeft(raw, " ")
			}
			continue
		}
		text := readable(reference)
		out.WriteString(text)
		if isUser {
			said.mentions = append(said.mentions, platforms.Mention{ID: id, Text: text})
		}
	}
	said.text = out.String()
	if said.addressed {
		said.text = strings.TrimSpace(said.text)
	}
	return said
}

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
