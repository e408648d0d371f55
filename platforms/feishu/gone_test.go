package feishu_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// Where an app is switched off nothing is sent any more, and the log says so
// once, until it is started or somebody speaks to it.
func TestAppThatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	m := fakefeishu.Message{EventID: "ev_1", AppID: testApp, Token: testToken, Text: "back", At: arrival}
	for why, back := range map[string][]byte{
		"app_stop_by_tenant":   fakefeishu.AppStatusEvent(m, "start_by_tenant"),
		"app_stop_by_platform": fakefeishu.MessageEvent(m),
		"app_uninstalled":      fakefeishu.MessageEventV1(m),
	} {
		var log strings.Builder
		a, fake := newSender(t, func(o *feishu.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		off := fakefeishu.AppUninstalledEvent(m)
		if status, ok := strings.CutPrefix(why, "app_stop"); ok {
			off = fakefeishu.AppStatusEvent(m, "stop"+status)
		}
		for range 2 {
			if ev := receive(t, a, off); ev.Ignore != why {
				t.Errorf("%s: ignored %q", why, ev.Ignore)
			}
			_, err := a.Send(t.Context(), toReply, part("key", "x"))
			wantKind(t, err, failure.Permanent, why)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 || a.Removed()[""] != why || fake.Requests(fakefeishu.Reply) != 0 {
			t.Errorf("%s: %v, log %s", why, a.Removed(), log.String())
		}
		receive(t, a, back)
		if _, err := a.Send(t.Context(), toReply, part("key", "x")); err != nil || len(a.Removed()) > 0 || len(fake.Messages()) != 1 {
			t.Errorf("%s: started again: %v", why, err)
		}
	}
}

// Of an app that was switched off while nobody told us, the calls tell; it is
// asked anew whether it is there.
func TestCallsTellThatTheAppIsSwitchedOff(t *testing.T) {
	t.Parallel()
	for code, route := range map[int]fakefeishu.Route{99991662: fakefeishu.Reply, 99991673: fakefeishu.Token} {
		a, fake := newSender(t)
		off := fakefeishu.Code(400, code, "app is not in use")
		fake.Misbehave(route, off, off)
		_, err := a.Send(t.Context(), toReply, part("key", "x"))
		wantKind(t, err, failure.Permanent, "feishu_"+map[int]string{99991662: "99991662", 99991673: "99991673"}[code])
		if len(a.Removed()) != 1 || len(fake.Messages()) > 0 {
			t.Errorf("%d: %v", code, a.Removed())
		}
		fake.Misbehave(fakefeishu.BotInfo, off, off)
		fake.SetBot(fakefeishu.Bot{OpenID: "ou_bot", Name: "Helper"})
		if c := a.Check(t.Context()); route == fakefeishu.Reply && (len(c.Faults) != 1 || !strings.HasPrefix(c.Faults[0].Remedy, "enable the app")) {
			t.Errorf("%d: %+v", code, c)
		}
		for range 2 { // the second of the token's faults
			if a.Check(t.Context()); len(a.Removed()) == 0 {
				break
			}
		}
		if _, err := a.Send(t.Context(), toReply, part("key", "x")); err != nil {
			t.Errorf("%d: enabled again: %v", code, err)
		}
	}
}

var _ platforms.Removable = (*feishu.Adapter)(nil)
