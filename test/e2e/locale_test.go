package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

const (
	englishHelp = "Available commands:\n"
	chineseHelp = "可用命令：\n"
)

// A person in Slack gets commands answered in Slack's language. Slack is asked
// for it only when a command needs to know.
func TestSlackLocale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Grant("chat:write", "users:read")
	for _, user := range []string{"U1", "U2"} {
		w.slack.SetLocale(user, "zh-CN")
	}
	s := w.start(t)
	n := 0
	say := func(user, text string) string {
		t.Helper()
		n++
		s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{
			ChannelType: "im", Channel: "D" + user, User: user, Text: text, TS: fmt.Sprintf("1700000%03d.000100", n),
		}))
		return slackAnswer(t, w, n)
	}
	say("U2", "/save language en")
	s.stop()
	s = w.start(t) // which knows nothing of what was asked before
	before := w.slack.Calls(fakeslack.UsersInfo)

	// The answer to the first message has told the scopes before the second is
	// taken up.
	say("U2", "hello")
	if got := say("U2", "/help"); !strings.HasPrefix(got, englishHelp) {
		t.Errorf("who has chosen English got %q", got)
	}
	if calls := w.slack.Calls(fakeslack.UsersInfo) - before; calls != 0 {
		t.Errorf("Slack was asked %d times for nothing", calls)
	}
	for range 2 {
		if got := say("U1", "/help"); !strings.HasPrefix(got, chineseHelp) {
			t.Errorf("a Chinese got %q", got)
		}
	}
	if calls := w.slack.Calls(fakeslack.UsersInfo) - before; calls != 1 {
		t.Errorf("Slack was asked %d times, want once", calls)
	}
}

// Without the scope nobody asks, and the answer is in the configured language.
func TestSlackLocaleWithoutTheScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.SetLocale("U00000001", "zh-CN")
	s := w.start(t)
	for n, text := range []string{"hello", "/help"} {
		s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: text, TS: fmt.Sprintf("1700000%03d.000100", n)}))
		slackAnswer(t, w, n+1)
	}
	if got := slackAnswer(t, w, 2); !strings.HasPrefix(got, englishHelp) {
		t.Errorf("got %q", got)
	}
	if calls := w.slack.Calls(fakeslack.UsersInfo); calls != 0 {
		t.Errorf("Slack was asked %d times", calls)
	}
}

func TestGenericLocale(t *testing.T) {
	t.Parallel()
	s := newWorld(t).start(t)
	help := func(who, locale string) answer {
		body, _ := json.Marshal(map[string]string{"sender_id": who, "text": "/help", "locale": locale})
		return s.request(http.MethodPost, "/webhooks/generic", string(body), "Content-Type", "application/json", "Prefer", "wait=30")
	}
	s.reply("bob", "/save language en")
	for _, c := range []struct{ who, locale, want string }{
		{"alice", "zh-CN", chineseHelp},
		{"alice", "zh_CN", chineseHelp},
		{"alice", "", englishHelp},
		{"alice", "fr", englishHelp},
		{"bob", "zh-CN", englishHelp},
	} {
		a := help(c.who, c.locale)
		reply, _ := a.json(t)["reply"].(map[string]any)
		if text, _ := reply["text"].(string); !strings.HasPrefix(text, c.want) {
			t.Errorf("%s, %q: %d %s", c.who, c.locale, a.status, a.body)
		}
	}
	if a := help("alice", "Chinese, please"); a.status != http.StatusBadRequest || !strings.Contains(a.body, `\"locale\" must be a language tag`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// The chat page says what the browser calls its language, which may be odd.
func TestChatPageLocale(t *testing.T) {
	t.Parallel()
	s := newWorld(t).start(t)
	for n, c := range []struct{ locale, want string }{
		{"zh-CN", chineseHelp}, {"en-US", englishHelp}, {"zh-CN@posix", englishHelp}, {"", englishHelp},
	} {
		body, _ := json.Marshal(map[string]string{"id": fmt.Sprint(n), "text": "/help", "locale": c.locale})
		a := s.request(http.MethodPost, "/chat/messages", string(body), "Content-Type", "application/json", "Authorization", "Bearer "+adminToken)
		want, _ := json.Marshal(c.want)
		if a.status != http.StatusOK || !strings.Contains(a.body, strings.TrimSuffix(string(want), `"`)) {
			t.Errorf("%q: %d %s", c.locale, a.status, a.body)
		}
	}
}
