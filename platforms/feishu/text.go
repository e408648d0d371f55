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

// withoutMentions puts an invisible character into every "<at": Feishu would
// read it as a mention, so that a model's text could ring somebody's, or
// everybody's, phone.
func withoutMentions(text string) string {
	const tag = "<at"
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	for i := range len(text) { // bytes: "<" is one in UTF-8 and part of no other character
		b.WriteByte(text[i])
		if text[i] == '<' && len(text) >= i+len(tag) && strings.EqualFold(text[i:i+len(tag)], tag) {
			b.WriteString(invisible)
		}
	}
	return b.String()
}

// contentSize returns how many bytes text takes up in [textContent] at most.
// A "<" counts as if "at" followed, so that the sizes of pieces add up.
func contentSize(text string) int {
	size := 0
	for _, r := range text {
		switch {
		case r == '<':
			size += len(`\u003c`) + len(invisible)
		case r == utf8.RuneError: // where it stands for a broken byte, it becomes \ufffd
			size += len(`\ufffd`)
		case r == '"', r == '\\', r == '\n', r == '\r', r == '\t':
			size += 2
		case r < ' ', r == '>', r == '&', r == '\u2028', r == '\u2029':
			size += len(`\u0000`)
		default:
			size += utf8.RuneLen(r)
		}
	}
	return size
}
