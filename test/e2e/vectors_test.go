package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
)

// The request of Slack's documentation, at its own time:
// https://docs.slack.dev/authentication/verifying-requests-from-slack
const slackVector = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V" +
	"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
	"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
	"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

func TestSlackVectorAtItsOwnTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Accepted and not answered: its response URL is Slack's own.
	s := w.startWith(t, app.Options{Paused: true, Now: func() time.Time { return time.Unix(1531420618, 0) }})
	post := func(body string) answer {
		return s.request(http.MethodPost, "/webhooks/slack", body, "Content-Type", "application/x-www-form-urlencoded",
			"X-Slack-Request-Timestamp", "1531420618",
			"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	}
	if a := post(strings.Replace(slackVector, "roadrunner", "roadrunnes", 1)); a.status != http.StatusUnauthorized {
		t.Errorf("altered: %d %s", a.status, a.body)
	}
	if got := s.metric(`parley_webhooks_total{outcome="accepted",platform="slack"} `); got != "" && got != "0" {
		t.Errorf("%s events stored for a forged request", got)
	}
	if a := post(slackVector); a.status != http.StatusOK {
		t.Errorf("genuine: %d %s", a.status, a.body)
	}
	if got := s.metric(`parley_webhooks_total{outcome="accepted",platform="slack"} `); got != "1" {
		t.Errorf("%q events accepted, want 1", got)
	}
}

func TestRoomNamesItsAuthors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) { c.AI.ConversationPersistence.Scope = "room" })
	for i, who := range []string{"alice", "bob"} {
		body := `{"sender_id":"` + who + `","sender_name":"` + strings.ToUpper(who) + `","text":"hi","chat_type":"group","chat_id":"c"}`
		if a := s.request(http.MethodPost, "/webhooks/generic", body, "Content-Type", "application/json", "Prefer", "wait=30"); a.status != http.StatusOK {
			t.Fatalf("%d: %d %s", i, a.status, a.body)
		}
	}
	if got := strings.Join(w.prompts(t, 2), " | "); !strings.HasPrefix(got, `user: "ALICE" (alice): hi | assistant: `) || !strings.HasSuffix(got, ` | user: "BOB" (bob): hi`) {
		t.Errorf("the model was given %s", got)
	}
}
