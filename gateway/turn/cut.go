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
func (r *Runner) maxText() int { return max(0, r.MaxReply-noticeRoom) }

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

const (
	// tokenBytes is more than a token takes in any text that people write.
	tokenBytes = 64
	// leastHistory is how many bytes of history are read however small the window.
	leastHistory = 1 << 20
)

// historyBytes is how much text is read for the window, whatever the tokens say
// that were counted of it; 0 = all.
func (r *Runner) historyBytes() int {
	if r.HistoryTokens == 0 {
		return 0
	}
	return max(leastHistory, r.MaxReply, tokenBytes*r.HistoryTokens)
}
