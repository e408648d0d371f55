package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// feed lets a slow model say its pieces, one in so long, until the test ends.
func feed(t *testing.T, every time.Duration) <-chan struct{} {
	t.Helper()
	pieces, ctx := make(chan struct{}), patience(t)
	tick := time.NewTicker(every)
	t.Cleanup(tick.Stop)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case <-ctx.Done():
				return
			case pieces <- struct{}{}:
			}
		}
	}()
	return pieces
}

// Somebody who asks in a channel sees at once that they were heard, then the
// reply as it grows, and in the end one rendered message and no sign of work.
func TestSlackReplyGrowsInOneMessage(t *testing.T) {
	t.Parallel()
	for mode, method := range map[string]string{"auto": fakeslack.ChatStartStream, "edit": fakeslack.ChatUpdate, "off": ""} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start(t, func(c *config.Config) { c.Platforms.Slack.Stream = mode })
			pieces := []string{"**重要：**请", " one", " two", " three", " four", " five", " six", " seven", " eight", " nine"}
			w.openai.Script(fakeopenai.Step{Pieces: pieces, Slow: feed(t, 250*time.Millisecond)})
			s.slackOK(fakeslack.MentionEvent(fakeslack.Event{Text: fakeslack.Mention("") + " hi"}))
			if err := w.slack.WaitCalls(patience(t), fakeslack.ThreadStatus, 1); err != nil {
				t.Fatal("no sign of work:", err)
			}
			waitFor(t, func() bool {
				m := w.slack.Messages()
				return len(m) == 1 && strings.HasSuffix(m[0].Text, " nine") && m[0].Metadata != nil && m[0].StreamingState != fakeslack.Streaming &&
					!strings.Contains(string(m[0].Blocks), "parley_stop") && w.slack.Signs() == 0
			})
			if m := w.slack.Messages()[0]; !strings.Contains(string(m.Blocks), `"bold":true`) || !strings.HasPrefix(m.BlockText(), "重要：请 one") {
				t.Errorf("not rendered: %s", m.Blocks)
			}
			if method != "" && w.slack.Calls(method) == 0 {
				t.Errorf("nothing grew by %s", method)
			}
			if grew := w.slack.Calls(fakeslack.ChatStartStream) + w.slack.Calls(fakeslack.ChatUpdate); mode == "off" && grew > 0 {
				t.Errorf("%d calls for a reply that is posted once", grew)
			}
		})
	}
}

// In a thread in which the bot has answered who asked needs no mention.
func TestSlackThreadIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	const root = "1700000000.000100"
	s.slackOK(fakeslack.MentionEvent(fakeslack.Event{Text: fakeslack.Mention("") + " first", TS: root}))
	w.slackTexts(t, 1)
	waitFor(t, func() bool { return s.statusOf("EvMention"+root) == "sent" })
	s.slackOK(fakeslack.MessageEvent(fakeslack.Event{Text: "second", TS: "1700000001.000100", ThreadTS: root}))
	s.slackOK(fakeslack.MessageEvent(fakeslack.Event{Text: "and <@U7>?", TS: "1700000002.000100", ThreadTS: root}))
	s.slackOK(fakeslack.MessageEvent(fakeslack.Event{Text: "me too", User: "U9", TS: "1700000003.000100", ThreadTS: root}))
	s.slackOK(fakeslack.MessageEvent(fakeslack.Event{Text: "third", TS: "1700000004.000100", ThreadTS: root}))
	wantTexts(t, w.slackTexts(t, 2), "reply to: first", "reply to: second")
	for id, want := range map[string]string{
		"Ev1700000002.000100": "ignored", "Ev1700000003.000100": "ignored", "Ev1700000004.000100": "ignored",
	} {
		if got := s.statusOf(id); got != want {
			t.Errorf("%s is %s", id, got)
		}
	}
}

// statusOf returns the state of an event by its platform's id.
func (s *server) statusOf(id string) string {
	s.t.Helper()
	return fmt.Sprint(s.admin(http.MethodGet, "events/"+id).json(s.t)["status"])
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain")
		case <-tick.C:
		}
	}
}
