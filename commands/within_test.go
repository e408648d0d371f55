package commands_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
)

const rest = "…\n\n(This reply is too long to be shown in full; the rest is left out.)"

// Whatever a command answers, by itself or when it is applied, is bounded, and
// says that it was cut.
func TestNoAnswerIsTooLong(t *testing.T) {
	t.Parallel()
	const family = "👩‍👩‍👧"
	long := strings.Repeat(family, 1000)
	own := func(name string, a commands.Answer) commands.Command {
		return commands.Command{Name: name, Run: func(context.Context, commands.Call) (commands.Answer, error) { return a, nil }}
	}
	c := newChat(t, commands.Options{MaxAnswer: 2000, More: []commands.Command{
		own("text", commands.Answer{Text: long, Kept: long}),
		own("apply", commands.Answer{Text: "x", Apply: func(context.Context, database.Tx, int64) (string, error) { return long, nil }}),
		own("file", commands.Answer{Text: "x", File: &commands.File{Name: "a.txt", Content: strings.Repeat("x", 4<<20+1)}}),
		own("fits", commands.Answer{Text: strings.Repeat("x", 1744)}),
	}})
	cut := strings.Repeat(family, 1744/len(family)) + rest
	c.expect(t, say{"/text", cut}, say{"/apply", cut}, say{"/fits", strings.Repeat("x", 1744)})
	if a, err := c.send(t, "/text"); err != nil || a.Kept != cut {
		t.Errorf("kept %d bytes, %v", len(a.Kept), err)
	}
	if a, err := c.send(t, "/file"); err != nil || a.File != nil {
		t.Errorf("%+v, %v", a.File, err)
	}
	for _, text := range []string{"/" + strings.Repeat("n", 5000), "/load " + strings.Repeat("k", 5000), "/remember search " + strings.Repeat("w", 5000)} {
		a, err := c.send(t, text)
		if err != nil || len(a.Text) > 2000 || !strings.HasSuffix(a.Text, rest) {
			t.Errorf("%.20s: %d bytes, %v", text, len(a.Text), err)
		}
	}
}

// A history leaves out its oldest messages where it would be too long; N is how
// many follow.
func TestHistoryLeavesOutItsOldest(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	for i := range 100 {
		m := message(conversation.RoleUser, "2026-01-15 19:30:22", fmt.Sprint(i, strings.Repeat("😀", 2000)))
		c.store.messages = append(c.store.messages, m)
	}
	a, err := c.send(t, "/history 100")
	if err != nil || len(a.Text) > 64<<10 || len(a.Text) < 60<<10 || !utf8.ValidString(a.Text) {
		t.Fatalf("%d bytes, %v", len(a.Text), err)
	}
	n := strings.Count(a.Text, "[2026-01-15 19:30:22] You: ")
	first := fmt.Sprintf("Last %d messages:\n\n[2026-01-15 19:30:22] You: %d😀", n, 100-n)
	last := "[2026-01-15 19:30:22] You: 99" + strings.Repeat("😀", 498) + "…\n\n(Older messages are left out: the answer would be too long.)"
	if n < 25 || n == 100 || !strings.HasPrefix(a.Text, first) || !strings.HasSuffix(a.Text, last) {
		t.Errorf("%d messages: %.80q … %q", n, a.Text, a.Text[len(a.Text)-120:])
	}
	if a.Kept != fmt.Sprintf("Showed %d messages", n) {
		t.Errorf("kept %q", a.Kept)
	}
}
