package turn

import (
	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/internal/shorten"
)

// noticeRoom is what the sentence about a cut takes of a reply at most, in bytes.
const noticeRoom = 256

// maxText is how much of a model's answer is read, so that there is room for the
// sentence that says that it was cut; 0 = all of it.
func (r *Runner) maxText() int { return max(0, r.o.MaxReply-noticeRoom) }

// within returns the reply as the chat gets it: with a sentence that says so
// where the model had more to say.
func (r *Runner) within(m ai.Response, say sentences.Say) string {
	text, cut := m.Text, m.Cut
	if limit := r.maxText(); limit > 0 && len(text) > limit { // a model that knows no limit
		text, cut = shorten.Bytes(text, limit), true
	}
	switch {
	case cut:
		return text + "\n\n" + say("cut.reply")
	case m.FinishReason == "length":
		return text + "\n\n" + say("cut.model")
	}
	return text
}
