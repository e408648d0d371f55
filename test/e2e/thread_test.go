package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// A bot that is mentioned in the middle of a thread is told what was said there,
// once: it is no history, in no export, and gone when who has said it asks for that.
func TestSlackThreadIsReadFromAbove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openai.SetReply(func(fakeopenai.Call) string { return "Indeed." })
	s := w.start(t)
	ctx := patience(t)
	root := w.slack.Say("C1", "", "U2", "The secret word is kumquat")
	w.slack.Say("C1", root, "U3", "Good to know")
	answered := func(n int) {
		t.Helper()
		for said := 0; said < n; {
			all := w.slack.Messages()
			said = len(slices.DeleteFunc(slices.Clone(all), func(m fakeslack.Message) bool { return m.Text != "Indeed." }))
			if said == n {
				return
			}
			if _, err := w.slack.WaitMessages(ctx, len(all)+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	say := func(who, text string) {
		ts := w.slack.Say("C1", root, who, text)
		s.slackOK(fakeslack.MentionEvent(fakeslack.Event{
			EventID: "EvAsk" + ts, Channel: "C1", User: who, TS: ts, ThreadTS: root, Text: text, More: map[string]any{"parent_user_id": "U2"},
		}))
	}
	say("U1", fakeslack.Mention("")+" what is it?")
	answered(1)
	w.slack.Say("C1", root, "U3", "or is it durian")
	say("U1", fakeslack.Mention("")+" and now?")
	answered(2)
	calls := w.openai.Calls()
	first, second := calls[0].LastUserText(), calls[1].LastUserText()
	if !strings.Contains(first, "> U2: The secret word is kumquat\n> U3: Good to know\n\nwhat is it?") {
		t.Errorf("first asked %q", first)
	}
	if !strings.Contains(second, "U3: or is it durian") || strings.Contains(second, "kumquat") || strings.Contains(second, "Indeed") {
		t.Errorf("then asked %q", second)
	}
	if export := s.admin("GET", "conversations/1/export"); export.status != http.StatusOK || strings.Contains(export.body, "kumquat") {
		t.Errorf("the thread was kept: %d %s", export.status, export.body)
	}
}

// Opening the app shows its help and costs no model call; what somebody looks at
// beside an agent is told to the model, and one history goes over all threads.
func TestSlackAgentContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Grant("chat:write", "im:history", "assistant:write")
	w.openai.SetReply(func(fakeopenai.Call) string { return "See https://docs.example/x." })
	s := w.start(t, func(cfg *config.Config) { cfg.Platforms.Slack.Agent = true })
	ctx := patience(t)
	for _, tab := range []string{"home", "messages"} {
		s.slackOK(fakeslack.EventCallback(fakeslack.Event{EventID: "Ev" + tab}, map[string]any{
			"type": "app_home_opened", "user": "U00000001", "channel": "D00000001", "tab": tab,
		}))
	}
	if err := w.slack.WaitCalls(ctx, fakeslack.SuggestedPrompts, 1); err != nil {
		t.Fatal(err)
	}
	viewed := map[string]any{"app_context": map[string]any{"entities": []any{map[string]any{"type": "slack#/types/channel_id", "value": "C7"}}}}
	release := w.openai.Hold()
	for n, ts := range []string{"1700000001.000100", "1700000002.000100"} {
		s.slackOK(fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hello", TS: ts, More: viewed}))
		if err := w.slack.WaitCalls(ctx, fakeslack.SessionStatus, 1); err != nil {
			t.Fatal(err)
		}
		release()
		shown, err := w.slack.WaitMessages(ctx, n+1)
		if err != nil {
			t.Fatal(err)
		}
		if m := shown[n]; m.ThreadTS != ts || m.Text != "See https://docs.example/x." { // ids are nobody's words: links stay
			t.Errorf("%+v", m)
		}
	}
	calls := w.openai.Calls()
	if len(calls) != 2 || len(calls[1].Messages) != len(calls[0].Messages)+2 || !strings.Contains(calls[0].LastUserText(), "untrusted data") ||
		!strings.Contains(calls[0].LastUserText(), "channel C7") {
		t.Errorf("asked %+v", calls)
	}
	if home, prompts := w.slack.Home("U00000001"), w.slack.Prompts("D00000001"); !strings.Contains(home, "/help") || len(prompts) != 4 {
		t.Errorf("home %q, prompts %q", home, prompts)
	}
	if w.slack.Title("D00000001", "1700000001.000100") != "hello" {
		t.Error("the session has no title")
	}
}
