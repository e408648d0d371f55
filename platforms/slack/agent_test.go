package slack_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

func received(t *testing.T, a *slack.Adapter, body []byte) platforms.Event {
	t.Helper()
	in, err := a.Receive(t.Context(), signed(body))
	if err != nil || len(in.Events) != 1 {
		t.Fatalf("%d events, %v", len(in.Events), err)
	}
	return in.Events[0]
}

// In the agent container every message is the root of a thread, where it is
// answered, and the history goes on over all of them.
func TestAgentContainer(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	a := newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.APIURL(), Agent: true})
	top := received(t, a, fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi"}))
	below := received(t, a, fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi", TS: "1700000005.000100", ThreadTS: ts}))
	for _, e := range []platforms.Event{top, below} {
		if e.ThreadID != "" || e.ReplyTo.ThreadID != ts || e.ReplyTo.Extra["stream"] != "native" || e.Ignore != "" {
			t.Errorf("thread %q, answered at %+v, %s", e.ThreadID, e.ReplyTo, e.Ignore)
		}
	}
	channel := received(t, a, fakeslack.MentionEvent(fakeslack.Event{Text: bot, ThreadTS: "1600000000.000100"}))
	if channel.ThreadID != "1600000000.000100" {
		t.Errorf("in a channel: thread %q", channel.ThreadID)
	}
	got, lasts, err := a.Sign(t.Context(), top.ReplyTo, "is thinking…")
	if got != "session" || lasts != 0 || err != nil || server.Session("D00000001", ts) != "processing" {
		t.Errorf("sign %q for %v, %v", got, lasts, err)
	}
	if err := a.Unsign(t.Context(), top.ReplyTo, got); err != nil || server.Session("D00000001", ts) != "active" {
		t.Errorf("session %q, %v", server.Session("D00000001", ts), err)
	}
}

// Slack's own stop button is a press like that of ours.
func TestAgentSessionStopped(t *testing.T) {
	t.Parallel()
	e := receiveOne(t, fakeslack.EventCallback(fakeslack.Event{EventID: "Ev9"}, map[string]any{
		"type": "agent_session_stopped", "channel": "C1", "thread_ts": ts, "user": "U1", "streaming_message_ts": []any{"1700000001.000100"},
	}))
	if e.Press == nil || e.Press.Verb != platforms.VerbStop || e.Press.MessageID != "1700000001.000100" || e.Ignore != "" ||
		e.SenderID != "U1" || e.ThreadID != ts || e.ReplyTo.ChatID != "C1" {
		t.Errorf("%+v, press %+v", e, e.Press)
	}
}

// What has nothing to answer in it is no news to an admin.
func TestEventsOfTheContainerAreNoNews(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	a := newAdapter(t, slack.Options{SigningSecret: secret, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, kind := range []string{"app_home_opened", "app_context_changed", "assistant_thread_started"} {
		e := received(t, a, fakeslack.EventCallback(fakeslack.Event{EventID: kind}, map[string]any{"type": kind, "user": "U1", "channel": "D1"}))
		if e.Ignore != kind || log.Len() > 0 {
			t.Errorf("%s: %q, log %s", kind, e.Ignore, log.String())
		}
	}
}

// Where the app is gone nothing is sent any more, and the log says so once,
// until somebody speaks to it there again.
func TestAppThatIsGone(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"app_uninstalled": "app_uninstalled", "tokens_revoked": "token_revoked"} {
		var log strings.Builder
		server := fakeslack.New(t, fakeslack.Options{})
		a := newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.APIURL(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		here, elsewhere := platforms.Address{Tenant: fakeslack.DefaultTeamID, ChatID: "C1"}, platforms.Address{Tenant: "T2", ChatID: "C1"}
		people := received(t, a, fakeslack.EventCallback(fakeslack.Event{EventID: "1"}, map[string]any{"type": "tokens_revoked", "tokens": map[string]any{"oauth": []any{"U1"}}}))
		if people.Ignore == "" || people.Ignore == want {
			t.Errorf("a person's token: %q", people.Ignore)
		}
		gone := received(t, a, fakeslack.EventCallback(fakeslack.Event{EventID: "2"}, map[string]any{"type": kind, "tokens": map[string]any{"bot": []any{"UBOT"}}}))
		if gone.Ignore != want || strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("%s: %q, log %s", kind, gone.Ignore, log.String())
		}
		for range 2 {
			if _, err := a.Send(t.Context(), here, part); failure.KindOf(err) != failure.Permanent || failure.CodeOf(err) != want {
				t.Errorf("%s: sent: %v", kind, err)
			}
		}
		if _, err := a.Open(t.Context(), here, part); failure.CodeOf(err) != want {
			t.Errorf("%s: opened: %v", kind, err)
		}
		if _, err := a.Send(t.Context(), elsewhere, part); err != nil || len(server.Messages()) != 1 {
			t.Errorf("%s: another workspace: %v", kind, err)
		}
		received(t, a, fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "back"}))
		if _, err := a.Send(t.Context(), here, part); err != nil {
			t.Errorf("%s: installed again: %v", kind, err)
		}
	}
}
