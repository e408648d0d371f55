package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// A model that never answers: the chat is told once, in plain words, and the
// question is kept.
func TestModelThatNeverAnswers(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]fakeopenai.Step{
		"refused key": fakeopenai.Fail(http.StatusUnauthorized, "invalid_api_key"),
		"always 500":  fakeopenai.Fail(http.StatusInternalServerError, "server_error"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openai.Always(step)
			s := w.start(t, func(c *config.Config) { c.Gateway.MaxAttempts = 2 })
			s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{Channel: "D1", ChannelType: "im", Text: "hi"}))
			msgs, err := w.slack.WaitMessages(patience(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			if text := msgs[0].Text; text == "" || strings.Contains(text, "500") || strings.Contains(text, "401") || strings.Contains(text, "sk-") {
				t.Errorf("the chat was told %q", text)
			}
			a := s.say("bob", "hi").json(t)
			if a["status"] != "dead" || a["reply"] != nil || a["error"].(map[string]any)["message"] == "" {
				t.Errorf("%v", a)
			}
			if got := s.reply("bob", "/history"); !strings.HasPrefix(got, "Last 1 messages:") {
				t.Errorf("the question was not kept: %q", got)
			}
		})
	}
}

// What no further attempt can mend ends the event with its reason.
func TestPermanentRefusalIsDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Script("chat.postMessage", fakeslack.Refuse("channel_not_found"))
	s := w.start(t)
	s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{EventID: "E1", Channel: "D1", ChannelType: "im", Text: "hi"}))
	s.waitMetric("parley_sends_total{outcome=\"permanent\",platform=\"slack\"}", "1")
	s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{EventID: "E2", TS: "1700000001.000100", Channel: "D1", ChannelType: "im", Text: "again"}))
	if msgs, err := w.slack.WaitMessages(patience(t), 1); err != nil || msgs[0].Text != "reply to: again" {
		t.Errorf("%+v, %v; the next message must not wait for the dead one", msgs, err)
	}
}

// waitSent waits until so many replies count as shown.
func (s *server) waitSent(n int) {
	s.t.Helper()
	s.waitMetric("parley_turn_seconds_count", fmt.Sprint(n))
}

func (s *server) waitMetric(name, want string) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := patience(s.t); ; {
		if got := s.metric(name + " "); got == want {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%s is %q, want %s", name, s.metric(name+" "), want)
		case <-tick.C:
		}
	}
}
