package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

func (s *server) admin(method, path string) answer {
	s.t.Helper()
	return s.request(method, "/api/v1/"+path, "", "Authorization", "Bearer "+adminToken)
}

// "Why was there no reply?" and "answer it now", through the API.
func TestDeadEventIsExplainedAndReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openai.Script(fakeopenai.Fail(http.StatusUnauthorized, "invalid_api_key"))
	s := w.start(t, func(c *config.Config) { c.Gateway.MaxAttempts = 1 })
	s.say("alice", "before")                                                // uses up the fault
	if got := s.reply("alice", "fine"); got != "reply to: before\n\nfine" { // nobody has answered that yet
		t.Fatalf("got %q", got)
	}
	items := s.admin(http.MethodGet, "events?status=dead").json(t)["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("%v", items)
	}
	id := fmt.Sprint(items[0].(map[string]any)["id"])
	shown := s.admin(http.MethodGet, "events/"+id).json(t)
	steps := shown["steps"].([]any)
	if !strings.HasPrefix(shown["error"].(string), "invalid_api_key") || len(steps) < 3 || shown["status"] != "dead" {
		t.Errorf("%v", shown)
	}
	if a := s.admin(http.MethodPost, "events/"+id+"/replay"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.waitSent(3)
	if a := s.admin(http.MethodPost, "events/"+id+"/replay"); a.status != http.StatusConflict {
		t.Errorf("a sent event was replayed: %d %s", a.status, a.body)
	}
	if a := s.admin(http.MethodGet, "events/nothing"); a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.body)
	}
	// The question was stored once, and the model was given it once.
	if got := strings.Join(w.prompts(t, 3), " | "); got != "user: fine | assistant: reply to: before\n\nfine | user: before" {
		t.Errorf("the replay was given %s", got)
	}
	if got := s.reply("alice", "/history"); !strings.HasPrefix(got, "Last 4 messages:") {
		t.Errorf("%s", got)
	}
}

// A reply that was made and not shown is shown by a replay, without the model.
func TestUndeliveredReplyIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Script("chat.postMessage", fakeslack.Refuse("channel_not_found"))
	s := w.start(t)
	s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{EventID: "E1", Channel: "D1", ChannelType: "im", Text: "hi"}))
	s.waitMetric("parley_sends_total{outcome=\"permanent\",platform=\"slack\"}", "1")
	var a answer
	for ctx := patience(t); ctx.Err() == nil && a.status != http.StatusOK; {
		a = s.admin(http.MethodPost, "events/E1/replay")
	}
	msgs, err := w.slack.WaitMessages(patience(t), 1)
	if err != nil || msgs[0].Text != "reply to: hi" || len(w.openai.Calls()) != 1 {
		t.Errorf("%+v, %v, %d model calls", msgs, err, len(w.openai.Calls()))
	}
}

func TestDiscardedEventStaysUnanswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openai.Always(fakeopenai.Fail(http.StatusUnauthorized, "invalid_api_key"))
	s := w.start(t)
	s.say("alice", "hi")
	id := fmt.Sprint(s.admin(http.MethodGet, "events").json(t)["items"].([]any)[0].(map[string]any)["id"])
	if a := s.admin(http.MethodPost, "events/"+id+"/discard"); a.status != http.StatusOK || a.json(t)["status"] != "discarded" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
