package slack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

// talk is a thread of a channel in which people have spoken before the bot is asked.
func talk(t *testing.T, scopes ...string) (a *slack.Adapter, server *fakeslack.Server, root string) {
	t.Helper()
	server = fakeslack.New(t, fakeslack.Options{})
	server.Grant(append(scopes, "chat:write", "channels:history")...)
	a = newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.APIURL()})
	if _, _, err := a.AuthTest(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, server, server.Say("C1", "", "U1", "We meet at <#C024BE91L> &amp; <@U2> brings cake")
}

func asked(server *fakeslack.Server, root string) platforms.Event {
	at := server.Say("C1", root, "U1", bot+" what now?")
	return platforms.Event{ThreadID: root, ReplyTo: platforms.Address{Tenant: fakeslack.DefaultTeamID, ChatID: "C1", ThreadID: root, MessageID: at}}
}

func above(t *testing.T, a *slack.Adapter, e platforms.Event, since time.Time) string {
	t.Helper()
	text, err := a.Above(t.Context(), e, since)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAThreadIsReadFromAbove(t *testing.T) {
	t.Parallel()
	a, server, root := talk(t, "users:read", "channels:read")
	server.Say("C1", root, "U2", "I do\nand tea")
	server.Say("C1", root, fakeslack.DefaultBotUser, "Noted.")
	server.Say("C1", "", "U3", "elsewhere")
	e := asked(server, root)
	server.Say("C1", root, "U2", "too late")
	want := `"name-U1" (U1): We meet at #name-c024be91l & @name-U2 brings cake` + "\n" +
		`"name-U2" (U2): I do` + "\nand tea\n" + "you (" + fakeslack.DefaultBotUser + "): Noted."
	if got := above(t, a, e, time.Time{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again := asked(server, root)
	asks := server.Calls(fakeslack.UsersInfo) + server.Calls(fakeslack.ConversationsInfo)
	above(t, a, again, time.Time{})
	if n := server.Calls(fakeslack.UsersInfo) + server.Calls(fakeslack.ConversationsInfo); n != asks {
		t.Errorf("%d names were asked for again", n-asks)
	}
}

// Once the bot has answered it is told what others have said since.
func TestAThreadIsReadOn(t *testing.T) {
	t.Parallel()
	a, server, root := talk(t)
	reply := server.Say("C1", root, fakeslack.DefaultBotUser, "Noted.")
	var seconds, micros int64
	if _, err := fmt.Sscanf(reply, "%d.%d", &seconds, &micros); err != nil {
		t.Fatal(err)
	}
	since := time.Unix(seconds, micros*1000)
	if got := above(t, a, asked(server, root), since); got != "" { // its own question is what is asked
		t.Errorf("nothing was said: %q", got)
	}
	server.Say("C1", root, "U2", "Make it ten")
	server.Say("C1", root, fakeslack.DefaultBotUser, "Ten it is.")
	if got := above(t, a, asked(server, root), since); !strings.HasSuffix(got, "U2: Make it ten") || strings.Contains(got, "Ten it is") {
		t.Errorf("got %q", got)
	}
}

// Of a long thread the model is told how it began and what was said last.
func TestALongThreadIsBounded(t *testing.T) {
	t.Parallel()
	a, server, root := talk(t)
	for i := range 450 {
		server.Say("C1", root, "U2", fmt.Sprintf("message %d %s", i, strings.Repeat("x", 40)))
	}
	got := above(t, a, asked(server, root), time.Time{})
	if !strings.HasPrefix(got, "U1: We meet") || !strings.Contains(got, "\n…\nU2: message ") || !strings.Contains(got, "message 449 ") || len(got) > 8000 {
		t.Errorf("%d bytes: %.200s … %.100s", len(got), got, got[len(got)-100:])
	}
	if n := server.Calls(fakeslack.ConversationsReplies); n != 3 {
		t.Errorf("%d calls", n)
	}
}

func TestAThreadThatCannotBeRead(t *testing.T) {
	t.Parallel()
	a, server, root := talk(t)
	server.Grant("chat:write")
	if text, err := a.Above(t.Context(), asked(server, root), time.Time{}); text != "" || failure.CodeOf(err) != "missing_scope" {
		t.Errorf("%q, %v", text, err)
	}
}
