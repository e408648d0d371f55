package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// A model that misbehaves and recovers: one reply, and the question is stored once.
func TestModelFaultsEndInOneReply(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]fakeopenai.Step{
		"429":             fakeopenai.RateLimited("1"),
		"500":             fakeopenai.Fail(http.StatusInternalServerError, "server_error"),
		"hang":            fakeopenai.Hang(),
		"cut stream":      fakeopenai.Cut(1),
		"empty":           fakeopenai.Empty(),
		"garbage":         fakeopenai.Garbage(),
		"nothing at all":  fakeopenai.Cut(0),
		"only whitespace": fakeopenai.Say(" \n "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openai.Script(step)
			s := w.start(t, func(c *config.Config) { c.AI.Timeout = 400 * time.Millisecond })
			if got := s.reply("alice", "hi"); got != "reply to: hi" {
				t.Errorf("got %q", got)
			}
			if got := s.reply("alice", "/history"); !strings.HasPrefix(got, "Last 2 messages:") {
				t.Errorf("history %q", got)
			}
		})
	}
}

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

func TestSlackFaultsEndInOneMessage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakeslack.Fault{
		"429":                fakeslack.RateLimit(time.Second),
		"500":                fakeslack.Status(http.StatusInternalServerError),
		"500 after taking":   fakeslack.TakeThenStatus(http.StatusInternalServerError),
		"ok:false limited":   fakeslack.Refuse("ratelimited"),
		"cut":                fakeslack.Cut(),
		"cut after taking":   fakeslack.TakeThenCut(),
		"garbled":            fakeslack.TakeThenGarble(),
		"internal but taken": fakeslack.TakeThenRefuse("internal_error"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.Script("chat.postMessage", fault)
			s := w.start(t)
			s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{EventID: "E1", Channel: "D1", ChannelType: "im", Text: "hi"}))
			s.waitSent(1)
			if texts := w.slack.Texts(); len(texts) != 1 || texts[0] != "reply to: hi" {
				t.Errorf("shown %q", texts)
			}
			if n := len(w.openai.Calls()); n != 1 {
				t.Errorf("%d model calls for one question", n)
			}
		})
	}
}

func TestFeishuFaultsEndInOneMessage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakefeishu.Fault{
		"99991400":         fakefeishu.RateLimited(1),
		"429":              fakefeishu.TooManyRequests(1),
		"230020":           fakefeishu.Code(http.StatusBadRequest, 230020, "limited"),
		"500":              fakefeishu.ServerError(),
		"500 after taking": fakefeishu.TakeThenServerError(),
		"cut":              fakefeishu.Cut(),
		"cut after taking": fakefeishu.TakeThenCut(),
		"token expired":    fakefeishu.ExpireToken(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.feishu.Misbehave(fakefeishu.Reply, fault)
			s := w.start(t)
			s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, Text: "hi"}))
			s.waitSent(1)
			if msgs := w.feishu.Messages(); len(msgs) != 1 || !strings.Contains(fmt.Sprintf("%+v", msgs[0]), "reply to: hi") {
				t.Errorf("shown %+v", msgs)
			}
		})
	}
}

func TestCallbackFaultsEndInOneReply(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]fakecallback.Step{
		"500":              fakecallback.Answer(http.StatusInternalServerError),
		"429":              fakecallback.Busy(http.StatusTooManyRequests, "1"),
		"cut":              fakecallback.Cut(),
		"cut after taking": fakecallback.TakeThenCut(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.callback.Script(step)
			s := w.start(t)
			s.signedEvent("evt-1", []byte(`{"sender_id":"alice","text":"hi"}`))
			s.waitSent(1)
			if replies := w.callback.Replies(); len(replies) != 1 {
				t.Errorf("%+v", replies)
			}
			if calls := w.callback.Calls(); len(calls) != 2 {
				t.Errorf("%d calls, want the failed and the good one", len(calls))
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
