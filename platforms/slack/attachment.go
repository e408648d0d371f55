package slack

import (
	"cmp"
	"strings"
)

// attachment is what hangs below a message: a message that somebody forwarded,
// what an app has attached, or the preview of a link.
// Source: https://docs.slack.dev/messaging/formatting-message-text#attachments
type attachment struct {
	IsShare    boolean `json:"is_share"`
	AuthorName word    `json:"author_name"`
	Pretext    word    `json:"pretext"`
	Title      word    `json:"title"`
	TitleLink  word    `json:"title_link"`
	Text       word    `json:"text"`
	Fallback   word    `json:"fallback"`
	Blocks     []block `json:"blocks"`
	Files      []file  `json:"files"`
	Fields     []struct {
		Title word `json:"title"`
		Value word `json:"value"`
	} `json:"fields"`
	MessageBlocks []struct { // of a forwarded message
		Message struct {
			Blocks []block `json:"blocks"`
		} `json:"message"`
	} `json:"message_blocks"`
}

// noPreview is what Slack writes where an app has given no fallback.
const noPreview = "[no preview available]"

// attachment returns what one says. Its fallback is for who can show nothing
// else of it.
func (r *reader) attachment(at *attachment) string {
	texts := []string{r.markup(at.Pretext)}
	if title := r.markup(at.Title); title != "" {
		texts = append(texts, link(cmp.Or(at.TitleLink.String(), title), title))
	}
	texts = append(texts, r.markup(at.Text))
	for _, f := range at.Fields {
		texts = append(texts, joined(": ", r.markup(f.Title), r.markup(f.Value)))
	}
	blocks := at.Blocks
	for i := range at.MessageBlocks {
		blocks = append(blocks, at.MessageBlocks[i].Message.Blocks...)
	}
	texts = append(texts, r.beyond(joined("\n", texts...), blocks)...)
	text := joined("\n", append(texts, describe(at.Files))...)
	if text == "" && at.Fallback != noPreview {
		text = r.markup(at.Fallback)
	}
	switch {
	case text == "":
		return ""
	case bool(at.IsShare):
		return "[" + joined(" of ", "forwarded message", strings.TrimSpace(at.AuthorName.String())) + "]\n" + quote(text)
	}
	return joined("\n", at.AuthorName.String(), text)
}

func (r *reader) markup(text word) string { return r.phrase(phrase{text.String(), true}) }
