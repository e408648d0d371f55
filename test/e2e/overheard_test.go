package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// overheard is a thread in which somebody speaks whom others have the model read.
type overheard struct {
	who     string
	says    func(text string)        // nothing of it is told to the bot
	asks    func(text string)        // somebody else, of the bot, in that thread
	forgets func(text string) string // in a chat of their own
}

// Somebody's words that were read from above a mention into another's prompt are in
// no table and in no prompt any more once they have erased themselves: neither the
// prompt that is kept, nor what is read next.
func TestReadFromAboveAndErased(t *testing.T) {
	t.Parallel()
	for platform, begin := range map[string]func(*testing.T, *world, *server) overheard{"slack": overheardOnSlack, "feishu": overheardOnFeishu} {
		for _, engine := range dbtest.Engines() {
			t.Run(platform+" "+string(engine), func(t *testing.T) {
				t.Parallel()
				eraseOverheard(t, engine, begin)
			})
		}
	}
}

func eraseOverheard(t *testing.T, engine database.Engine, begin func(*testing.T, *world, *server) overheard) {
	t.Helper()
	w := newWorld(t)
	w.database = dbtest.URL(t, engine)
	w.openai.SetReply(func(fakeopenai.Call) string { return "Indeed." })
	s := w.start(t, func(c *config.Config) { c.AI.Tools.MaxRounds = 0 })
	o := begin(t, w, s)
	prompt := func() string {
		calls := w.openai.Calls()
		return fmt.Sprint(calls[len(calls)-1].Messages)
	}
	o.says("the " + zeldaWord + " is loud")
	for _, text := range []string{"what is loud?", "and now?"} { // read, and kept in the next prompt
		o.asks(text)
		if got := prompt(); !strings.Contains(got, zeldaWord) || !strings.Contains(got, text) {
			t.Fatalf("asked without what was said above: the test would prove nothing: %s", got)
		}
	}
	held(t, w.database, []string{"messages"}, zeldaWord)
	s.settled(t)
	o.forgets("/forget-me")
	if got := o.forgets("/forget-me yes"); !strings.Contains(got, "has been erased") {
		t.Errorf("answered %q", got)
	}
	gone(t, w.database, zeldaWord, o.who)
	o.asks("and after that?")
	if got := prompt(); strings.Contains(got, zeldaWord) || strings.Contains(got, o.who) || !strings.Contains(got, "and after that?") {
		t.Errorf("the model is told %s", got)
	}
	gone(t, w.database, zeldaWord, o.who)
}

func overheardOnSlack(t *testing.T, w *world, s *server) overheard {
	t.Helper()
	root := w.slack.Say("C1", "", "U2", "Good morning")
	shown := func(body []byte) string {
		t.Helper()
		before := len(w.slack.Messages())
		s.slackOK(body)
		return slackAnswer(t, w, before+1)
	}
	return overheard{
		who:  zeldaID,
		says: func(text string) { w.slack.Say("C1", root, zeldaID, text) },
		asks: func(text string) {
			text = fakeslack.Mention("") + " " + text
			ts := w.slack.Say("C1", root, "U1", text)
			shown(fakeslack.MentionEvent(fakeslack.Event{
				EventID: "EvAsk" + ts, Channel: "C1", User: "U1", TS: ts, ThreadTS: root, Text: text, More: map[string]any{"parent_user_id": "U2"},
			}))
		},
		forgets: func(text string) string {
			return shown(fakeslack.SlashCommand(fakeslack.Command{
				Command: "/parley", Text: strings.TrimPrefix(text, "/"), User: zeldaID, UserName: zeldaName, Channel: "D00000001",
				ChannelName: "directmessage", TriggerID: "1334.7384." + text, ResponseURL: w.slack.NewResponseURL(),
			}))
		},
	}
}

func overheardOnFeishu(t *testing.T, w *world, s *server) overheard {
	t.Helper()
	const who, thread = "ou_zelda", "omt_1"
	n := 0
	shown := func(m fakefeishu.Message) string {
		t.Helper()
		n++
		m.AppID, m.Token, m.MessageID, m.At = feishuApp, feishuToken, fmt.Sprint("om_asked_", n), time.Now()
		if a := s.feishuEvent(fakefeishu.MessageEvent(m)); a.status != http.StatusOK {
			t.Fatalf("answered %d", a.status)
		}
		return feishuAnswer(t, w, n)
	}
	return overheard{
		who: who,
		says: func(text string) {
			w.feishu.Say(fakefeishu.Message{MessageID: "om_0", ThreadID: thread, Sender: who, SenderName: zeldaName, Text: text, At: time.Now().Add(-time.Minute)})
		},
		asks: func(text string) {
			shown(fakefeishu.Message{
				ChatType: "group", ThreadID: thread, Root: "om_0", Text: "@_user_1 " + text,
				Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}},
			})
		},
		forgets: func(text string) string {
			return shown(fakefeishu.Message{Sender: who, ChatID: "oc_zelda", Text: text})
		},
	}
}
