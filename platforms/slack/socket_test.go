package slack_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/platformtest"
	"github.com/parley-bot/parley/platforms/slack"
)

func listen(t *testing.T, appToken string) (*platformtest.Listener, *fakeslack.Server) {
	t.Helper()
	a, fake := pair(t)
	return platformtest.Listen(t, slack.NewSocket(a, appToken)), fake
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Everything that comes as a webhook comes as an envelope as well, and means the same.
func TestSocketReadsWhatWebhooksBring(t *testing.T) {
	t.Parallel()
	l, fake := listen(t, fakeslack.DefaultAppToken)
	must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 2))
	bodies := map[string][]byte{
		"event":   fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hello"}),
		"command": fakeslack.SlashCommand(fakeslack.Command{Text: "save city Paris", TriggerID: "7.8.9"}),
		"action": fakeslack.Interaction(map[string]any{
			"type": "block_actions", "trigger_id": "1.2.3", "api_app_id": fakeslack.DefaultAppID, "team": map[string]any{"id": "T1"},
			"user": map[string]any{"id": "U1"}, "channel": map[string]any{"id": "D1"}, "actions": []map[string]any{{"value": "yes"}},
		}),
	}
	a, _ := pair(t)
	for id, body := range bodies {
		want, err := a.Receive(t.Context(), signedAt(now, body))
		must(t, err)
		before := len(l.Delivered())
		fake.Sockets.Push(id, body)
		must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), before+1))
		got := l.Delivered()[before].Events[0]
		if w := want.Events[0]; got.ID != w.ID || got.Text != w.Text || got.UserKey() != w.UserKey() || got.Kind != w.Kind || got.ReplyTo.ChatID != w.ReplyTo.ChatID {
			t.Errorf("%s: got  %+v\nwant %+v", id, got, w)
		}
	}
}

// What nobody knows is acknowledged the first time, and counted.
func TestSocketAcknowledgesWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	l, fake := listen(t, fakeslack.DefaultAppToken)
	fake.Sockets.PushAs("new type", "workflow_step_v9", []byte(`{"a":1}`))
	fake.Sockets.PushAs("odd payload", "events_api", []byte(`"text"`))
	fake.Sockets.PushAs("no command", "slash_commands", []byte(`{}`))
	fake.Sockets.Push("new event", fakeslack.EventCallback(fakeslack.Event{}, map[string]any{"type": "brand_new_event", "x": []int{1}}))
	must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), 4))
	if n := fake.Sockets.Again(); n > 0 {
		t.Errorf("%d came again", n)
	}
	faults, events := 0, 0
	for _, in := range l.Delivered() {
		if in.Fault != nil {
			faults++
		}
		events += len(in.Events)
	}
	if len(l.Delivered()) != 4 || faults != 2 || events != 1 {
		t.Errorf("%d delivered, %d of them faulty, %d events", len(l.Delivered()), faults, events)
	}
}

// Nothing is acknowledged that is not stored: it comes again.
func TestSocketAcknowledgesAfterTheCommit(t *testing.T) {
	t.Parallel()
	l, fake := listen(t, fakeslack.DefaultAppToken)
	l.Fail(errors.New("disk full"))
	fake.Sockets.Push("one", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hello"}))
	must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 2))
	must(t, fake.Sockets.WaitAgain(platformtest.Patient(t))) // the fake has given it up for lost
	if fake.Sockets.Acknowledged("one") != 0 {
		t.Error("acknowledged before it was stored")
	}
	l.Fail(nil)
	must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), 1))
}

// Whatever ends a connection, another takes its place, nothing is lost, and the
// messages of one chat stay in order while a connection holds.
func TestSocketDisconnects(t *testing.T) {
	t.Parallel()
	for name, disconnect := range map[string]func(*fakeslack.Sockets){
		"warning": func(s *fakeslack.Sockets) { s.Disconnect(fakeslack.Warning) },
		"refresh": func(s *fakeslack.Sockets) { s.Disconnect(fakeslack.RefreshRequested) },
		"cut":     func(s *fakeslack.Sockets) { s.Cut() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, fake := listen(t, fakeslack.DefaultAppToken)
			must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 2))
			const rounds, each = 5, 20
			for round := range rounds {
				for i := range each {
					n := round*each + i
					fake.Sockets.Push(fmt.Sprint("m", n), fakeslack.MessageEvent(fakeslack.Event{
						EventID: fmt.Sprint("Ev", n), ChannelType: "im", TS: fmt.Sprintf("1700000000.%06d", n+1), Text: fmt.Sprint(n),
					}))
				}
				disconnect(fake.Sockets)
			}
			must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), rounds*each))
			seen := map[string]bool{}
			for _, in := range l.Delivered() {
				seen[in.Events[0].ID] = true
			}
			if len(seen) != rounds*each {
				t.Errorf("%d of %d were delivered", len(seen), rounds*each)
			}
			must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 2))
			for ctx := platformtest.Patient(t); ; { // it is read a moment after it is there
				c := l.Connection()
				if c.State == platforms.Connected && c.Open > 0 {
					break
				}
				if ctx.Err() != nil {
					t.Fatalf("%+v", c)
				}
				runtime.Gosched()
			}
		})
	}
}

// What an admin has to put right is told, and not asked for again.
func TestSocketEndsForGood(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token   string
		arrange func(*testing.T, *fakeslack.Server)
		code    string
	}{
		"refused":   {token: "xapp-wrong", code: "invalid_auth"},
		"bot token": {token: fakeslack.DefaultToken, code: "not_allowed_token_type"},
		"revoked":   {token: fakeslack.DefaultAppToken, code: "token_revoked"},
		"switched off": {token: fakeslack.DefaultAppToken, code: "link_disabled", arrange: func(t *testing.T, fake *fakeslack.Server) {
			t.Helper()
			must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 2))
			fake.Sockets.Disconnect(fakeslack.LinkDisabled)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake := pair(t)
			if test.code == "token_revoked" {
				fake.Script(fakeslack.AppsConnectionsOpen, fakeslack.Refuse("token_revoked"), fakeslack.Refuse("token_revoked"))
			}
			l := slack.NewSocket(a, test.token)
			ended := make(chan error, 1)
			go func() {
				ended <- l.Run(t.Context(), func(context.Context, platforms.Inbound) error { return nil })
			}()
			if test.arrange != nil {
				test.arrange(t, fake)
			}
			select {
			case err := <-ended:
				if failure.KindOf(err) != failure.Permanent || !strings.Contains(err.Error(), test.code) {
					t.Errorf("ended with %v", err)
				}
			case <-platformtest.Patient(t).Done():
				t.Fatal("it goes on")
			}
			if c := l.Connection(); c.State != platforms.Failed || c.Open != 0 || !strings.Contains(c.Error, test.code) {
				t.Errorf("%+v", c)
			}
			if test.arrange == nil {
				if n := fake.Calls(fakeslack.AppsConnectionsOpen); n != 2 {
					t.Errorf("asked %d times, once for each connection is enough", n)
				}
			}
		})
	}
}

func TestSocketProbe(t *testing.T) {
	t.Parallel()
	a, fake := pair(t)
	must(t, slack.NewSocket(a, fakeslack.DefaultAppToken).Probe(t.Context()))
	if err := slack.NewSocket(a, "xapp-wrong").Probe(t.Context()); failure.KindOf(err) != failure.Permanent {
		t.Errorf("a wrong token: %v", err)
	}
	fake.Script(fakeslack.AppsConnectionsOpen, fakeslack.RateLimit(7*time.Second))
	if err := slack.NewSocket(a, fakeslack.DefaultAppToken).Probe(t.Context()); failure.KindOf(err) != failure.Retry || failure.WaitOf(err) != 7*time.Second {
		t.Errorf("a limit: %v", err)
	}
	if ever, _ := fake.Sockets.Opened(); ever != 0 {
		t.Error("a probe has connected")
	}
}

// Stopping lets go of the connections, and what was read is stored first.
func TestSocketStops(t *testing.T) {
	t.Parallel()
	l, fake := listen(t, fakeslack.DefaultAppToken)
	must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 2))
	if err := l.Stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	must(t, fake.Sockets.WaitClosed(platformtest.Patient(t)))
}
