package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// What a message answers is given to the model, as a quote in front of it, and
// stays in its prompts; in the conversation it is not kept.
func TestQuotedMessageIsReadForTheModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.feishu.Say(fakefeishu.Message{MessageID: "om_plan", Text: "We meet at nine.\nBring the plan."})
	w.openai.SetReply(func(fakeopenai.Call) string { return "Indeed." })
	s := w.start(t)
	ctx := patience(t)
	for i, m := range []fakefeishu.Message{
		{MessageID: "om_1", Text: "What does that mean?", Parent: "om_plan"},
		{MessageID: "om_2", Text: "And now?"},
		{MessageID: "om_3", Text: "Without it?", Parent: "om_unknown"},
	} {
		m.AppID, m.Token = feishuApp, feishuToken
		if a := s.feishuEvent(fakefeishu.MessageEvent(m)); a.status != 200 {
			t.Fatalf("answered %d", a.status)
		}
		if _, err := w.feishu.WaitMessages(ctx, i+1); err != nil {
			t.Fatal(err)
		}
	}
	calls := w.openai.Calls()
	if got := calls[0].LastUserText(); got != "> We meet at nine.\n> Bring the plan.\n\nWhat does that mean?" {
		t.Errorf("the model was asked %q", got)
	}
	if first := calls[1].Messages; !strings.Contains(first[len(first)-3].Content, "We meet at nine.") {
		t.Errorf("the prompt has changed: %+v", first)
	}
	if export := s.admin("GET", "conversations/1/export"); export.status != 200 || strings.Contains(export.body, "nine") {
		t.Errorf("the quote was kept: %d %s", export.status, export.body)
	}
	if got := calls[2].LastUserText(); got != "Without it?" {
		t.Errorf("without the quoted message the model was asked %q", got)
	}
}

// Who mentions the bot in the middle of a topic has it read, once, what others said
// above, and the next time what was said since; their words are in no export.
func TestTopicIsReadFromAboveOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	say := func(id, text string, at time.Time) {
		w.feishu.Say(fakefeishu.Message{MessageID: id, ThreadID: "omt_1", Sender: "ou_a", SenderName: "Ann", Text: text, At: at})
	}
	at := time.Now().Add(-time.Minute)
	for i, text := range []string{"Shall we ship?", "Not on a Friday.", "Why not?"} {
		say(fmt.Sprint("om_", i), text, at.Add(time.Duration(i)*time.Second))
	}
	w.openai.SetReply(func(fakeopenai.Call) string { return "Indeed." })
	s := w.start(t)
	for i, parent := range []string{"om_1", "om_0"} {
		m := fakefeishu.Message{
			AppID: feishuApp, Token: feishuToken, MessageID: fmt.Sprint("om_asked_", i), ChatType: "group", ThreadID: "omt_1", Parent: parent,
			Root: "om_0", Text: "@_user_1 well?", Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}},
			At: time.Now().Add(time.Second),
		}
		if a := s.feishuEvent(fakefeishu.MessageEvent(m)); a.status != 200 {
			t.Fatalf("answered %d", a.status)
		}
		if _, err := w.feishu.WaitMessages(patience(t), i+1); err != nil {
			t.Fatal(err)
		}
		say("om_since", "It is Monday.", time.Now())
	}
	calls := w.openai.Calls()
	first, second := calls[0].LastUserText(), calls[1].LastUserText()
	if !strings.Contains(first, "> Not on a Friday.\n") || // what it answers
		!strings.Contains(first, "]\n> \"Ann\" (ou_a): Shall we ship?\n> \"Ann\" (ou_a): Not on a Friday.\n> \"Ann\" (ou_a): Why not?\n\n") {
		t.Errorf("the model was asked %q", first)
	}
	if strings.Contains(second, "Friday") || !strings.Contains(second, "Monday") || !strings.Contains(second, "well?") {
		t.Errorf("the second time it was asked %q", second)
	}
	if export := s.admin("GET", "conversations/1/export"); export.status != 200 || strings.Contains(export.body, "day.") {
		t.Errorf("what was said above was kept: %d %s", export.status, export.body)
	}
}
