package slack_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

func sign(t *testing.T, a platforms.Signer, to platforms.Address, want string, lasting time.Duration) {
	t.Helper()
	got, lasts, err := a.Sign(t.Context(), to, "is thinking…")
	if err != nil || got != want || lasts != lasting {
		t.Errorf("sign %q for %v: %v", got, lasts, err)
	}
}

func TestStatusIsTheSignInAThread(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	to := platforms.Address{Tenant: "T1", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1"}
	sign(t, a, to, "status", 2*time.Minute)
	if got := server.Status("C1", ts); got != "is thinking…" {
		t.Errorf("status %q", got)
	}
	if _, err := a.Send(t.Context(), to, part); err != nil || server.Status("C1", ts) != "" {
		t.Errorf("behind the reply: status %q, %v", server.Status("C1", ts), err)
	}
	if err := a.Unsign(t.Context(), to, "status"); err != nil || server.Calls(fakeslack.ThreadStatus) != 1 {
		t.Errorf("%d calls for a status that went with the reply, %v", server.Calls(fakeslack.ThreadStatus), err)
	}
	sign(t, a, to, "status", 2*time.Minute)
	for _, known := range []string{"status", ""} {
		if err := a.Unsign(t.Context(), to, known); err != nil || server.Status("C1", ts) != "" {
			t.Errorf("taken away: status %q, %v", server.Status("C1", ts), err)
		}
	}
}

func TestReactionIsTheSignElsewhere(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Grant("chat:write", "reactions:write", "im:history")
	to := platforms.Address{Tenant: "T1", ChatID: "D1", MessageID: server.Say("D1", "", "U1", "hi"), UserID: "U1"}
	for range 2 { // whoever takes over signs again
		sign(t, a, to, "reaction", 0)
	}
	if got := server.Reactions("D1", to.MessageID); len(got) != 1 || got[0] != "eyes" {
		t.Errorf("reactions %q", got)
	}
	for _, known := range []string{"reaction", "reaction", ""} {
		if err := a.Unsign(t.Context(), to, known); err != nil || len(server.Reactions("D1", to.MessageID)) != 0 {
			t.Errorf("taken away: %q, %v", server.Reactions("D1", to.MessageID), err)
		}
	}
}

// What a workspace does not have is tried once.
func TestSignThatIsNotToBeHad(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Grant("chat:write")
	to := platforms.Address{Tenant: "T1", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1"}
	server.Script(fakeslack.ThreadStatus, fakeslack.Refuse("feature_not_enabled"))
	for range 3 {
		_, _, _ = a.Sign(t.Context(), to, "is thinking…")
	}
	if s, r := server.Calls(fakeslack.ThreadStatus), server.Calls(fakeslack.ReactionsAdd); s != 1 || r != 1 {
		t.Errorf("status asked for %d times, reaction %d times", s, r)
	}
	sign(t, a, to, "", 0)
	private := platforms.Address{Tenant: "T2", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1", Private: true}
	sign(t, a, private, "", 0)
	if n := server.Calls(fakeslack.ThreadStatus); n != 1 {
		t.Error("everybody sees that somebody asked in private")
	}
}

// A workspace takes 50 in a minute, and what is beyond that goes without.
func TestSignsStayWithinTheirTier(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1_700_000_100, 0)}
	server := fakeslack.New(t, fakeslack.Options{Now: c.now, Tiers: true})
	a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Now: c.now})
	to := platforms.Address{Tenant: "T1", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1"}
	for range 60 {
		if _, _, err := a.Sign(t.Context(), to, "is thinking…"); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := to
	elsewhere.Tenant = "T2"
	if hits, calls := server.LimitHits(); hits != 0 || calls != 45 {
		t.Errorf("%d calls, %d refused", calls, hits)
	}
	sign(t, a, elsewhere, "status", 2*time.Minute)
	c.pass(time.Minute)
	sign(t, a, to, "status", 2*time.Minute)
}
