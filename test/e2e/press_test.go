package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// From the press of a button to the use of the tool, as the platforms send it: the
// asker's yes has it used once, a second one and another's do nothing but say so, and
// of a no the model is told.
func TestButtonsDecideAboutTools(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]func(*testing.T, *world, *server) asked{"slack": askedOnSlack, "feishu": askedOnFeishu} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "notes")
			w := newWorld(t)
			server := config.MCPServer{Command: []string{deskProgram(t), path}}
			s := w.start(t, whole, func(c *config.Config) { c.AI.Tools.MCP = map[string]config.MCPServer{"desk": server} })
			chat := on(t, w, s)
			w.openai.Script(wants("desk_note", `{"text":"buy milk"}`))
			question := chat.ask("note that I need milk")
			chat.press("bob", "approve", question)
			s.settled(t)
			if got := noted(t, path); got != "" {
				t.Fatalf("another's yes counted: %q", got)
			}
			for range 2 {
				chat.press("ann", "approve", question)
				s.settled(t)
			}
			if got := noted(t, path); got != "buy milk\n" {
				t.Errorf("noted: %q", got)
			}
			if said := chat.toBob(); said != "You are not allowed to decide this." {
				t.Errorf("bob was told %q", said)
			}
			w.openai.Script(wants("desk_note", `{"text":"sell it"}`))
			question = chat.ask("note that I sell it")
			chat.press("ann", "deny", question)
			s.settled(t)
			if got := noted(t, path); got != "buy milk\n" {
				t.Errorf("noted after a no: %q", got)
			}
			calls := w.openai.Calls()
			if last := calls[len(calls)-1].Messages; len(calls) != 4 || !strings.Contains(fmt.Sprint(last), "not done: the person said no.") {
				t.Errorf("%d calls, the model was told %+v", len(calls), last)
			}
		})
	}
}

// asked is a chat in which ann, who is of a group with bob, asks something.
type asked struct {
	ask   func(text string) (messageID string) // of what the chat is shown then
	press func(who, verb, messageID string)
	toBob func() string // what was not said to everybody when bob pressed
}

func askedOnSlack(t *testing.T, w *world, s *server) asked {
	t.Helper()
	n, shown := 0, 0
	public := func() (list []fakeslack.Message) {
		for _, m := range w.slack.Messages() {
			if !m.Ephemeral {
				list = append(list, m)
			}
		}
		return list
	}
	return asked{
		ask: func(text string) string {
			n++
			s.slackOK(fakeslack.MentionEvent(fakeslack.Event{
				EventID: fmt.Sprint("Ev", n), TS: fmt.Sprintf("1700000000.00%04d", n), User: "Uann", Channel: "C1", Text: fakeslack.Mention("") + " " + text,
			}))
			s.settled(t)
			all := public()
			m := all[len(all)-1]
			if len(all) <= shown || !strings.Contains(string(m.Blocks), "parley_approve") || !strings.Contains(string(m.Blocks), "parley_deny") {
				t.Fatalf("no question with buttons: %s", m.Blocks)
			}
			shown = len(all)
			return m.TS
		},
		press: func(who, verb, ts string) {
			n++
			s.slackOK(fakeslack.Interaction(map[string]any{
				"type": "block_actions", "trigger_id": fmt.Sprint("9.", n), "api_app_id": fakeslack.DefaultAppID,
				"team": map[string]any{"id": fakeslack.DefaultTeamID}, "user": map[string]any{"id": "U" + who},
				"channel": map[string]any{"id": "C1"}, "container": map[string]any{"type": "message", "message_ts": ts, "channel_id": "C1"},
				"message": map[string]any{"ts": ts}, "actions": []any{map[string]any{"action_id": "parley_" + verb, "value": verb}},
			}))
		},
		toBob: func() (said string) {
			for _, m := range w.slack.Messages() {
				if m.Ephemeral && strings.HasPrefix(m.Text, "You are not allowed to decide") {
					said += m.Text
				}
			}
			return said
		},
	}
}

func askedOnFeishu(t *testing.T, w *world, s *server) asked {
	t.Helper()
	n, shown, toBob := 0, 0, ""
	message := func(who string) fakefeishu.Message {
		n++
		return fakefeishu.Message{
			AppID: feishuApp, Token: feishuToken, EventID: fmt.Sprint("ev_", n), MessageID: fmt.Sprint("om_q", n), ChatID: "oc_1", ChatType: "group", Sender: "ou_" + who,
		}
	}
	return asked{
		ask: func(text string) string {
			m := message("ann")
			m.Text, m.Mentions = "@_user_1 "+text, []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}}
			s.feishuEvent(fakefeishu.MessageEvent(m))
			s.settled(t)
			all := w.feishu.Messages()
			if len(all) <= shown || !strings.Contains(all[len(all)-1].Content, `"parley":"approve"`) {
				t.Fatalf("no question with buttons: %+v", all)
			}
			shown = len(all)
			return all[len(all)-1].ID
		},
		press: func(who, verb, id string) {
			m := message(who)
			m.MessageID = id
			a := s.feishuEvent(fakefeishu.CardEvent(fakefeishu.Card{Message: m, Value: map[string]string{"parley": verb}}))
			var answer struct{ Toast struct{ Content string } }
			if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
				t.Errorf("answered %d %s", a.status, a.body)
			}
			if who == "bob" {
				toBob += answer.Toast.Content
			}
		},
		toBob: func() string { // in a toast, or in a message where the machine was too slow for one
			for _, m := range w.feishu.Messages() {
				if toBob == "" && strings.Contains(m.Content, "not allowed to decide") {
					return m.Text
				}
			}
			return toBob
		},
	}
}
