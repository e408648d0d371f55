package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
)

// Who presses a Feishu button that can do nothing is told so in the answer to the
// press, over both ways in, and nothing of it stands in the chat.
func TestFeishuToasts(t *testing.T) {
	t.Parallel()
	press := func(n int, verb, messageID string) []byte {
		m := fakefeishu.Message{AppID: feishuApp, Token: feishuToken, EventID: fmt.Sprint("ev_", verb, n), MessageID: messageID, ChatID: "oc_1", Sender: "ou_bob"}
		return fakefeishu.CardEvent(fakefeishu.Card{Message: m, Value: map[string]string{"parley": verb}})
	}
	presses := []struct{ verb, want string }{
		{"stop", "Nothing to stop."},
		{"regenerate", "Only the person who asked or an administrator can regenerate this reply."},
		{"up", ""},
		{"unheard_of", "This button no longer works."},
	}
	toast := func(text string) string {
		if text == "" {
			return `{}`
		}
		return `{"toast":{"type":"info","content":"` + text + `"}}`
	}
	question := fakefeishu.MessageEvent(fakefeishu.Message{
		AppID: feishuApp, Token: feishuToken, MessageID: "om_q", ChatID: "oc_1", ChatType: "group", Sender: "ou_ann", Text: "@_user_1 hi",
		Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}},
	})
	t.Run("webhook", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.start(t)
		s.feishuEvent(question)
		shown, err := w.feishu.WaitMessages(patience(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		s.settled(t)
		late, n := 0, 0 // a machine that is too slow for a toast shows a message to the one person instead
		for _, p := range append(presses, presses[3]) {
			n++
			a := s.feishuEvent(press(n, p.verb, shown[0].ID))
			for p.want != "" && strings.TrimSpace(a.body) == toast("") && late < 20 {
				late, n = late+1, n+1
				a = s.feishuEvent(press(n, p.verb, shown[0].ID))
			}
			if strings.TrimSpace(a.body) != toast(p.want) {
				t.Errorf("%s: answered %d %s", p.verb, a.status, a.body)
			}
		}
		s.settled(t)
		if all := w.feishu.Messages(); len(all) != 1+late {
			t.Errorf("after %d that were late %d messages are shown", late, len(all))
		}
	})
	t.Run("websocket", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start(t, listening)
		if err := w.feishu.Sockets.WaitOpened(patience(t), 1); err != nil {
			t.Fatal(err)
		}
		want, got := toast("This button no longer works."), ""
		for i := 0; i < 20 && got == ""; i++ { // likewise
			w.feishu.Sockets.Push(fmt.Sprint("p", i), press(i, "up", "om_other"))
			if err := w.feishu.Sockets.WaitAcknowledged(patience(t), i+1); err != nil {
				t.Fatal(err)
			}
			got = w.feishu.Sockets.Answer(fmt.Sprint("p", i))
		}
		if got != want {
			t.Errorf("an old button: answered %s", got)
		}
	})
}
