package ai

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/names"
)

// named returns msgs with the author before each user's text, as a room that
// several people share needs it: "NAME" (SENDER_ID): text. What a name or an id
// holds cannot pose as another author.
func named(msgs []conversation.Message) []conversation.Message {
	out := make([]conversation.Message, len(msgs))
	for i, m := range msgs {
		if m.Role == conversation.RoleUser && m.Content != "" {
			m.Content = author(m) + ": " + m.Content
		}
		out[i] = m
	}
	return out
}

// author returns "NAME" (SENDER_ID); who has no name is called by the id.
func author(m conversation.Message) string {
	id := message.SenderOf(cmp.Or(m.Author, "*")) // a room's own key says nobody
	name := cmp.Or(names.Clean(m.SenderName()), names.Clean(id))
	return fmt.Sprintf(`"%s" (%s)`, strings.ReplaceAll(name, `"`, "'"), plainID(id))
}

// plainID writes an id so that it stays one word in brackets, and no two ids
// look alike: whatever does not show, and what would end it, is percent-encoded.
func plainID(id string) string {
	var b strings.Builder
	for _, r := range id {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) && !strings.ContainsRune(`()"%`, r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
