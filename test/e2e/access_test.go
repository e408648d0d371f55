package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

func pairing(c *config.Config) { c.Access.Mode = "pairing" }

// direct is a direct message of one of many people on Slack.
func direct(person, n int) []byte {
	return fakeslack.MessageEvent(fakeslack.Event{
		EventID: fmt.Sprintf("E%d-%d", person, n), TS: fmt.Sprintf("1700000%03d.%06d", person, n), Channel: fmt.Sprint("D", person), ChannelType: "im",
		User: fmt.Sprint("U", person), Text: "hi",
	})
}

// A hundred strangers at once get a code each, once, without a call of a model;
// whom an admin approves is answered.
func TestHundredStrangersArePaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, pairing)
	const people = 100
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			s.slackOK(direct(i, 1))
			s.slackOK(direct(i, 2))
		})
	}
	all.Wait()
	w.slackTexts(t, people)
	s.settled(t)
	codes := map[string]bool{}
	for _, text := range w.slack.Texts() {
		codes[regexp.MustCompile(`[2-9A-HJ-NP-Z]{8}`).FindString(text)] = true
	}
	if len(codes) != people || codes[""] || len(w.slack.Texts()) != people {
		t.Errorf("%d codes in %d messages", len(codes), len(w.slack.Texts()))
	}
	s.slackOK(direct(people, 1)) // one too many
	s.settled(t)
	items := s.admin(http.MethodGet, "pairings").json(t)["items"].([]any) //nolint:forcetypeassert // it fails otherwise
	if len(items) != people || len(w.slack.Texts()) != people {
		t.Errorf("%d codes are open, %d were told", len(items), len(w.slack.Texts()))
	}
	first := items[0].(map[string]any) //nolint:forcetypeassert // as above
	code, user := first["code"].(string), first["user_id"].(string)
	if first["state"] != "open" || first["platform"] != "slack" || first["expires_at"] == "" || !codes[code] {
		t.Errorf("%v", first)
	}
	if calls := len(w.openai.Calls()); calls != 0 {
		t.Errorf("%d calls of a model for strangers", calls)
	}
	if a := s.admin(http.MethodPost, "pairings/"+code+"/approve"); a.status != http.StatusOK || a.json(t)["state"] != "approved" {
		t.Errorf("%d %s", a.status, a.body)
	}
	var person int
	if _, err := fmt.Sscanf(user, "U%d", &person); err != nil {
		t.Fatal(err)
	}
	s.slackOK(direct(person, 3))
	texts := w.slackTexts(t, people+1)
	if last := texts[len(texts)-1]; last != "reply to: hi" {
		t.Errorf("who was approved is told %q", last)
	}
	conversations := s.admin(http.MethodGet, "conversations").json(t)["items"].([]any) //nolint:forcetypeassert // as above
	if len(conversations) != 1 {
		t.Errorf("%d conversations, want that of who was approved", len(conversations))
	}
	for i := range 11 {
		want := http.StatusNotFound
		if i == 10 {
			want = http.StatusTooManyRequests
		}
		if a := s.admin(http.MethodPost, "pairings/WRONGCOD/approve"); a.status != want {
			t.Errorf("wrong code %d: %d %s", i, a.status, a.body)
		}
	}
	if a := s.admin(http.MethodDelete, fmt.Sprintf("pairings/%.0f", first["id"])); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// In a group with members of several tenants only ours are answered, and who is listed.
func TestGuestsOfAFeishuGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) { c.Access.Allow = []string{"feishu/tenant_3"} })
	for i, home := range []string{"tenant_1", "tenant_2", "tenant_3"} {
		s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{
			EventID: fmt.Sprint("ev-", i), AppID: feishuApp, Token: feishuToken, MessageID: fmt.Sprint("om_", i), ChatType: "group", Home: home,
			Sender: "ou_" + home, Text: "@_user_1 " + home, Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}},
		}))
		s.settled(t)
	}
	if said := w.shown(); said != "reply to: tenant_1\nreply to: tenant_3\n" {
		t.Errorf("the group shows %q", said)
	}
	if e := s.admin(http.MethodGet, "events/ev-1").json(t); e["status"] != "ignored" || !strings.Contains(fmt.Sprint(e["error"]), "another organization") {
		t.Errorf("%v", e)
	}
}

// Who is not listed is ignored with the reason, without a word, and so is who
// belongs to another organization; what exceeds the limit is silence.
func TestWhoIsNotLetInIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) {
		c.Access.Allow = []string{"slack/*/user:U9", "slack/T00000001/chat:C1"}
		c.Access.Mode, c.Access.MaxRepliesPerMinute = "allow", 1
	})
	mention := func(n int, channel, user string, more map[string]any) {
		s.slackOK(fakeslack.MentionEvent(fakeslack.Event{
			EventID: fmt.Sprint("E", n), TS: fmt.Sprintf("17000000%02d.000100", n), Channel: channel, User: user,
			Text: fakeslack.Mention(fakeslack.DefaultBotUser) + fmt.Sprint(" ", n), More: more,
		}))
		s.settled(t)
	}
	guest := map[string]any{"user_team": "T99999999"}
	mention(1, "C2", "U1", nil)   // nobody lists them
	mention(2, "C2", "U9", guest) // a guest who is listed
	mention(3, "C3", "U8", guest)
	mention(4, "C1", "U7", nil)
	mention(5, "C1", "U7", nil) // too many
	wantTexts(t, w.slackTexts(t, 2), "reply to: 2", "reply to: 4")
	for id, want := range map[string]string{"E1": "access.allow", "E3": "another organization", "E5": "access.max_replies_per_minute is 1"} {
		e := s.admin(http.MethodGet, "events/"+id).json(t)
		if e["status"] != "ignored" || !strings.Contains(fmt.Sprint(e["error"]), want) {
			t.Errorf("%s: %v %v, want %q", id, e["status"], e["error"], want)
		}
	}
}
