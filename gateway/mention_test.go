package gateway_test

import (
	"testing"

	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// Case 27: a message that holds nothing but the bot's mention is answered with one
// sentence, without a model call, and keeps nothing. Together with words it is
// a part of what they ask.
func TestCase27BareMention(t *testing.T) {
	t.Parallel()
	w := process(t, dbtest.New(t), &model{reply: repeating}, &chat{}, options{owner: "me", busy: turn.BusyCoalesce})
	w.accept(message("chat", "e1", "ann", " \n"))
	run(t, w)
	zh := message("chat", "e2", "bob", "")
	zh.Locale = "zh-CN"
	w.accept(zh)
	run(t, w)
	w.accept(message("chat", "e3", "ann", ""))
	w.accept(message("chat", "e4", "ann", "hello"))
	run(t, w)
	var shown []string
	for _, s := range w.chat.all() {
		shown = append(shown, s.Text)
	}
	same(t, "shown", shown, []string{"Send me a question, or /help to see what I can do.", "请发送您的问题，或发送 /help 查看我能做什么。", "re +hello"})
	if len(w.model.asked) != 1 {
		t.Errorf("the model was called %d times", len(w.model.asked))
	}
	same(t, "kept", texts(w.history()), []string{"u:", "u:hello", "a:re +hello"})
}
