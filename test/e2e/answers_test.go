package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// A model's answer without an end becomes gateway.max_reply of Slack messages,
// streamed or in one piece, the last of which says that it was cut.
func TestEndlessAnswerIsCut(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]bool{"stream": true, "whole": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openai.Always(fakeopenai.Say(strings.Repeat("word ", 800_000)))
			s := w.start(t, func(c *config.Config) { c.AI.Stream = stream })
			s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{Channel: "D1", ChannelType: "im", Text: "hi"}))
			s.waitSent(1)
			total := 0
			msgs := w.slack.Messages()
			for _, m := range msgs {
				total += max(len(m.Text), len(m.BlockText())) // the text beside blocks is cut where a message has grown
			}
			last := msgs[len(msgs)-1].Text
			if total > 64<<10 || total < 60<<10 || len(msgs) > 24 || !strings.HasSuffix(last, "(This reply is too long to be shown in full; the rest is left out.)") {
				t.Errorf("%d messages of %d bytes, the last ends in %q", len(msgs), total, last[max(0, len(last)-80):])
			}
			if n := len(w.openai.Calls()); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// Nineteen short messages with /history between them: no answer doubles.
func TestHistoryHoldsNoHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	for i := range 19 {
		s.reply("ann", fmt.Sprint("message ", i))
		for _, command := range []string{"/history 100", "/export"} {
			if got := s.reply("ann", command); len(got) > 48<<10 {
				t.Fatalf("%s after %d messages: %d bytes", command, i+1, len(got))
			}
		}
	}
	if got := s.reply("ann", "/history 3"); !strings.Contains(got, "Bot: Showed 100 messages\n") || !strings.HasSuffix(got, "Bot: Exported 112 messages") {
		t.Errorf("got %q", got)
	}
}

// Case 27, in the languages of both: one sentence, and no model call.
func TestCase27_BareMentionIsAnsweredWithoutAModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) { c.Commands.Language = "zh" })
	s.slackEvent(fakeslack.MentionEvent(fakeslack.Event{Text: fakeslack.Mention("") + " ", TS: "1700000000.000100"}))
	s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{
		Token: feishuToken, ChatType: "group", Text: "@_user_1 ", Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}},
	}))
	s.waitSent(2)
	const want = "请发送您的问题，或发送 /help 查看我能做什么。"
	if got := w.slack.Messages()[0].Text; got != want {
		t.Errorf("Slack: %q", got)
	}
	if got := fmt.Sprintf("%+v", w.feishu.Messages()); !strings.Contains(got, want) {
		t.Errorf("Feishu: %s", got)
	}
	if n := len(w.openai.Calls()); n != 0 {
		t.Errorf("%d model calls", n)
	}
}
