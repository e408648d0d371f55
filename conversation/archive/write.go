package archive

import (
	"io"

	"github.com/parley-bot/parley/conversation/message"
)

// Writer writes a conversation as JSON piece by piece: first its head, then its
// messages, then the end. It remembers the first error.
type Writer struct {
	w     io.Writer
	whole bool
	comma string
	err   error

	anchor, summaryEnd int64 // 0 once it is past
}

// NewWriter returns a writer of the form of exports or, whole, of that of backups.
func NewWriter(w io.Writer, whole bool) *Writer { return &Writer{w: w, whole: whole, comma: "\n"} }

// Head writes the start, up to the first message.
func (w *Writer) Head(c *message.Conversation) error {
	w.anchor, w.summaryEnd = c.Anchor, c.SummaryEnd
	w.text(`{"conversation":`)
	w.value(c)
	w.text(",\n\"messages\":[")
	return w.err
}

// Messages writes the next messages.
func (w *Writer) Messages(page []message.Message) error {
	for i := range page {
		w.text(w.comma)
		w.comma = ",\n"
		if w.whole {
			w.value(w.marked(&page[i]))
		} else {
			w.value(&page[i])
		}
	}
	return w.err
}

// End writes the end of the messages. What is left to write is a brace, or what
// else belongs to the file and a brace.
func (w *Writer) End() error {
	w.text("]")
	return w.err
}

// marked says of a message whether prompts begin with it.
func (w *Writer) marked(m *message.Message) message.Whole {
	whole := message.Whole{Message: *m}
	if whole.Anchor = w.anchor > 0 && m.ID >= w.anchor; whole.Anchor {
		w.anchor = 0
	}
	if whole.Unfolded = w.summaryEnd > 0 && m.ID > w.summaryEnd; whole.Unfolded {
		w.summaryEnd = 0
	}
	return whole
}

func (w *Writer) text(s string) {
	if w.err == nil {
		_, w.err = io.WriteString(w.w, s)
	}
}

func (w *Writer) value(v any) {
	text, err := encode(v)
	if w.err == nil {
		w.err = err
	}
	w.text(string(text))
}
