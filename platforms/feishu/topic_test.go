package feishu_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms/feishu"
)

// above is what is read when somebody mentions the bot, at a minute after its
// opening, in the topic that root has opened.
func above(t *testing.T, a *feishu.Adapter, root string, minute int, since time.Time) string {
	t.Helper()
	ev := receive(t, a, fakefeishu.MessageEvent(fakefeishu.Message{
		EventID: "ev_t", AppID: testApp, Token: testToken, MessageID: "om_asked", ChatID: "oc_1", ChatType: "group",
		ThreadID: "omt_1", Parent: root, Root: root, Text: "@_user_1 well?", At: after(minute),
		Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}},
	}))
	if ev.Ignore != "" || ev.ThreadID != cmp.Or(root, "omt_1") || ev.Quotes != "" {
		t.Fatalf("%+v", ev)
	}
	text, err := a.Above(t.Context(), ev, since)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func after(minute int) time.Time { return arrival.Add(time.Duration(minute-60) * time.Minute) }

func say(fake *fakefeishu.Server, id, sender, name, text string, minute int) {
	fake.Say(fakefeishu.Message{
		MessageID: id, ChatID: "oc_1", ThreadID: "omt_1", Sender: sender, SenderName: name, Text: text,
		At: after(minute),
	})
}

// Who mentions the bot in the middle of a topic has it read what others said above,
// the opening first, and nothing of what was taken back or came later. Mentioned
// again, it has what was said since read, and nothing of its own.
func TestTopicIsReadFromAbove(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	say(fake, "om_root", "ou_a", "Ann", "Shall we ship?", 0)
	say(fake, "om_2", "ou_b", "", "Not on a Friday.", 1)
	say(fake, "om_3", testApp, "Parley", "I was asked before.", 2)
	say(fake, "om_4", "ou_c", "Cy", "never mind", 3)
	say(fake, "om_asked", "ou_a", "Ann", "@_user_1 well?", 4)
	say(fake, "om_5", "ou_b", "Bo", "too late", 5)
	fake.Recall("om_4")
	const all = `"Ann" (ou_a): Shall we ship?` + "\nou_b: Not on a Friday.\nyou (" + testApp + "): I was asked before."
	if got := above(t, a, "om_root", 4, time.Time{}); got != all {
		t.Errorf("read %q", got)
	}
	if got := above(t, a, "", 4, time.Time{}); got != all { // Feishu does not say what opened it
		t.Errorf("read %q", got)
	}
	if got := above(t, a, "om_root", 5, after(0)); got != "ou_b: Not on a Friday.\n"+`"Bo" (ou_b): too late` {
		t.Errorf("read again %q", got)
	}
}

// A long topic is its opening and what was said last.
func TestLongTopicIsReadFromItsEnd(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	say(fake, "om_root", "ou_a", "Ann", "The opening.", 0)
	for i := 1; i <= 40; i++ {
		say(fake, fmt.Sprint("om_", i), "ou_b", "Bo", fmt.Sprintf("Thought %d. %s", i, strings.Repeat("x", 400)), i)
	}
	got := above(t, a, "om_root", 60, time.Time{})
	if len(got) > 6100 || !strings.HasPrefix(got, `"Ann" (ou_a): The opening.`+"\n…\n"+`"Bo" (ou_b): Thought 2`) || !strings.Contains(got, "Thought 40.") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// Without the scope it is the opening that is read, as before.
func TestTopicThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	say(fake, "om_root", "ou_a", "Ann", "Shall we ship?", 0)
	say(fake, "om_2", "ou_b", "Bo", "Not on a Friday.", 1)
	fake.WithoutScope("im:message.group_msg")
	if got := above(t, a, "om_root", 4, time.Time{}); got != `"Ann" (ou_a): Shall we ship?` {
		t.Errorf("read %q", got)
	}
	fake.Recall("om_root")
	if got := above(t, a, "om_root", 4, time.Time{}); got != "" {
		t.Errorf("of a topic whose opening is gone: %q", got)
	}
}

// A group in the form of topics has no place outside them: an answer to a question
// that is gone would open a topic of its own.
func TestGoneQuestionOpensNoTopic(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"topics": 0, "topics, but nobody may ask": 1, "messages": 1} {
		a, fake := newSender(t)
		fake.Recall("om_asked")
		if name != "messages" {
			fake.TopicsOnly("oc_1")
		}
		if strings.Contains(name, "nobody") {
			fake.WithoutScope("im:chat:readonly")
		}
		_, err := a.Send(t.Context(), toReply, part("key", "hello"))
		if shown := fake.Messages(); len(shown) != want || (err == nil) != (want == 1) {
			t.Errorf("%s: %v, %+v", name, err, shown)
		}
	}
}
