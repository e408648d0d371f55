package slack_test

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

// scopesOf returns what the manifest asks for.
func scopesOf(t *testing.T, o slack.ManifestOptions) []string {
	t.Helper()
	text, err := slack.Manifest(o)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Config struct {
			Scopes struct {
				Bot []string `json:"bot"`
			} `json:"scopes"`
		} `json:"oauth_config"`
	}
	if err := json.Unmarshal(text, &m); err != nil || len(m.Config.Scopes.Bot) < 10 {
		t.Fatalf("%v: %s", err, text)
	}
	return m.Config.Scopes.Bot
}

// An app that lacks one of its scopes answers all the same, once, without what the
// scope is for, which is asked for once; and the check names the scope.
func TestEachScopeThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, agent := range []bool{false, true} {
		all := scopesOf(t, slack.ManifestOptions{Agent: agent})
		for _, scope := range append(all, "") {
			withoutScope(t, agent, all, scope)
		}
	}
}

func withoutScope(t *testing.T, agent bool, all []string, scope string) {
	t.Helper()
	server := fakeslack.New(t, fakeslack.Options{})
	server.Grant(slices.DeleteFunc(slices.Clone(all), func(one string) bool { return one == scope })...)
	a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Agent: agent})
	checkup := a.Check(t.Context())
	named := slices.Concat(checkup.Faults, checkup.Doubts)
	switch {
	case scope == "" && len(named) > 0:
		t.Errorf("with all scopes: %+v", named)
	case scope != "" && (len(named) != 1 || named[0].Problem != "the token lacks the scopes "+scope || (len(checkup.Faults) > 0) != (scope == "chat:write")):
		t.Errorf("%s: checked: %+v", scope, checkup)
	}
	failed := 0
	for range 2 {
		to := platforms.Address{Tenant: "T1", ChatID: "D1", MessageID: server.Say("D1", "", "U1", "hi"), UserID: "U1"}
		before := len(server.Messages())
		sign, _, err := a.Sign(t.Context(), to, "is thinking…")
		if err != nil {
			failed++
		}
		if (sign == "") != (scope == "reactions:write") {
			t.Errorf("%s: signed %q, %v", scope, sign, err)
		}
		_, err = a.Send(t.Context(), to, platforms.Part{Key: "k", Text: "answer"})
		if scope == "chat:write" {
			if failure.KindOf(err) != failure.Permanent || !strings.Contains(failure.SafeOf(err), "needed: chat:write; the token has: app_mentions:read") {
				t.Errorf("%s: sent: %v", scope, err)
			}
			continue
		}
		if shown := len(server.Messages()) - before; err != nil || shown != 1 {
			t.Errorf("%s: %d messages, %v", scope, shown, err)
		}
	}
	if n := server.Calls(fakeslack.ReactionsAdd); scope == "reactions:write" && (n != 1 || failed != 1) {
		t.Errorf("%s: asked for %d times, told of %d times", scope, n, failed)
	}
}

// Whoever opens an agent's chat is offered nothing without its scope; that is asked
// for and logged once, however many people open it.
func TestPromptsWithoutTheirScope(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := fakeslack.New(t, fakeslack.Options{})
	a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Agent: true, SigningSecret: secret, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		for tab, text := range map[string]string{"messages": "one", "home": "help"} {
			to := received(t, a, homeOpened(tab, nil)).ReplyTo
			if _, err := a.Send(t.Context(), to, platforms.Part{Key: "k", Text: text}); err != nil {
				t.Error(err)
			}
		}
	}
	if n := server.Calls(fakeslack.SuggestedPrompts); n != 1 || strings.Count(log.String(), "needed: assistant:write") != 1 {
		t.Errorf("asked for %d times, log %s", n, log.String())
	}
	if home := server.Home("U1"); home != "help" || server.Calls(fakeslack.ViewsPublish) != 3 {
		t.Errorf("home %q, shown %d times", home, server.Calls(fakeslack.ViewsPublish))
	}
}

// What each scope is for is refused with its name, so that the log says what to add.
func TestCallsThatLackTheirScope(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	server.Grant("app_mentions:read")
	a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Agent: true})
	direct := platforms.Address{Tenant: "T1", ChatID: "D1", ThreadID: ts, MessageID: ts, UserID: "U1", Extra: map[string]string{"stream": "native"}}
	for name, c := range map[string]struct {
		scope string
		call  func() error
	}{
		"post": {"chat:write", func() error { _, err := a.Send(t.Context(), channel, part); return err }},
		"open": {"chat:write", func() error { _, err := a.Open(t.Context(), direct, part); return err }},
		"file": {"files:write", func() error {
			_, err := a.Send(t.Context(), channel, filePart)
			return err
		}},
		"thread": {"channels:history", func() error {
			_, err := a.Above(t.Context(), platforms.Event{ThreadID: ts, ReplyTo: alone}, time.Time{})
			return err
		}},
	} {
		if err := c.call(); failure.KindOf(err) != failure.Permanent || !strings.Contains(failure.SafeOf(err), "needed: "+c.scope) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(server.Messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
	server.Grant("chat:write", "im:history")
	if _, _, err := a.Sign(t.Context(), direct, ""); err != nil || server.Session("D1", ts) != "processing" {
		t.Errorf("with the scope: %v, %q", err, server.Session("D1", ts))
	}
}
