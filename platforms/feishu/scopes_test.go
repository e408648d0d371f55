package feishu_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms/feishu"
)

// An app that lacks scopes answers all the same, once, as long as one is left that
// lets it write. What the others are for is asked for once, and the log says once
// what to add.
func TestScopesThatAreMissing(t *testing.T) {
	t.Parallel()
	const sign, card = "im:message.reactions:write_only", "cardkit:card:write"
	for name, c := range map[string]struct {
		without []string
		warned  string
		mute    bool
	}{
		"all there":         {},
		"one of two":        {without: []string{"im:message"}},
		"the other of two":  {without: []string{"im:message:send_as_bot", sign}},
		"none to write":     {without: []string{"im:message", "im:message:send_as_bot"}, mute: true},
		"none for the sign": {without: []string{"im:message", sign}, warned: sign},
		"none for cards":    {without: []string{card}, warned: card},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a, fake := newSender(t, func(o *feishu.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			for _, scope := range c.without {
				fake.WithoutScope(scope)
			}
			for n, key := range []string{"key-1", "key-2"} {
				if shown, _, _ := a.Sign(t.Context(), toReply, ""); (shown == "") != (c.warned == sign) {
					t.Errorf("signed %q", shown)
				}
				if c.warned == card && a.Streams(toReply) {
					if _, err := a.Open(t.Context(), toReply, part(key, "ans")); failure.KindOf(err) != failure.Permanent {
						t.Errorf("opened: %v", err)
					}
				}
				_, err := a.Send(t.Context(), toReply, part(key, "answer"))
				if shown := len(fake.Messages()); !c.mute && (err != nil || shown != n+1) {
					t.Errorf("%d messages, %v", shown, err)
				}
				if c.mute && (failure.KindOf(err) != failure.Permanent || !strings.Contains(err.Error(), "[im:message, im:message:send_as_bot]")) {
					t.Errorf("sent: %v", err)
				}
			}
			if asked := fake.Requests(fakefeishu.React); asked != 1 && c.warned == sign {
				t.Errorf("asked for %d signs", asked)
			}
			if asked := fake.Requests(fakefeishu.CardCreate); asked != 1 && c.warned == card {
				t.Errorf("asked for %d cards", asked)
			}
			warned := strings.Count(log.String(), "level=WARN")
			if want := map[bool]int{true: 1}[c.warned != ""]; warned != want || !strings.Contains(log.String(), c.warned) {
				t.Errorf("log %s", log.String())
			}
		})
	}
}
