package feishu

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// textContent returns the content of a text message, which is itself JSON.
// https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
func textContent(text string) string {
	b, err := json.Marshal(struct {
		Text string `json:"text"`
	}{withoutMentions(text)})
	if err != nil { // a struct of one string always marshals
		return ""
	}
	return string(b)
}

// invisible is a space without width.
const invisible = "\u200b"

// withoutMentions puts an invisible character into every "<at", and into the end
// of every style that a text message knows. Feishu would read the one as a
// mention, so that a model's text could ring somebody's, or everybody's, phone;
// the other is to be seen as it was written.
func withoutMentions(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	for i := range len(text) { // bytes: "<" is one in UTF-8 and part of no other character
		b.WriteByte(text[i])
		if text[i] == '<' && isTag(text[i+1:]) {
			b.WriteString(invisible)
		}
	}
	return b.String()
}

func isTag(s string) bool {
	for _, tag := range []string{"at", "/b>", "/i>", "/u>", "/s>"} {
		if len(s) >= len(tag) && strings.EqualFold(s[:len(tag)], tag) {
			return true
		}
	}
	return false
}

// contentSize returns how many bytes text takes up as the content of a message
// at most. A "<" counts as if "at" followed, so that the sizes of pieces add
// up; and what may be markup counts as the elements or entities that it becomes.
func contentSize(text string) int {
	size := 0
	for _, r := range text {
		switch {
		case r == '\n':
			size += len(`],[{"tag":"text","text":""}`)
		case r == '*', r == '_', r == '~', r == '[', r == '`':
			size += len(`,{"tag":"text","text":"","style":["bold"]}`) / 2
		case r == '<':
			size += len(`\u003c`) + len(invisible)
		case r == utf8.RuneError: // where it stands for a broken byte, it becomes \ufffd
			size += len(`\ufffd`)
		case r == '|', r == ']', r == '$', r == '\\': // as an entity of a card
			size += len("&#124;")
		case r == '"', r == '\r', r == '\t':
			size += 2
		case r < ' ', r == '>', r == '&', r == '\u2028', r == '\u2029':
			size += len(`\u0000`)
		default:
			size += utf8.RuneLen(r)
		}
	}
	return size
}
