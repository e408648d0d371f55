package commands

import (
	"cmp"
	"context"
	"strings"

	"github.com/parley-bot/parley/internal/names"
	"github.com/parley-bot/parley/memory"
)

// shownReasons is how many reasons for kudos are shown.
const shownReasons = 5

// kudos thanks somebody, or shows one's own.
func kudos(m memory.Backend) Command {
	return Command{
		Name: "kudos", Usage: "@user [for reason]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if c.Rest == "" {
				return ownKudos(ctx, m, c)
			}
			user, reason, ok := c.readKudos()
			switch {
			case !ok:
				return c.Usage(), nil
			case c.means(user):
				return Answer{Text: c.Say("kudos.self")}, nil
			}
			return giveKudos(ctx, m, c, user, reason)
		},
	}
}

// readKudos reads "@USER [for REASON]".
func (c Call) readKudos() (user Mention, reason string, ok bool) {
	user, rest, ok := c.cutMention()
	if !ok || rest == "" {
		return user, "", ok
	}
	word, reason := cutWord(rest)
	return user, reason, strings.EqualFold(word, "for")
}

// cutMention splits who is named at the start of the text off it. A platform
// says whom it means; "@alice" is otherwise the sender id itself.
func (c Call) cutMention() (user Mention, rest string, ok bool) {
	for _, m := range c.Mentions {
		after, found := strings.CutPrefix(c.Rest, m.Text)
		if found && m.ID != "" && m.Text != "" && len(m.Text) > len(user.Text) && (after == "" || after[0] == ' ' || after[0] == '\n' || after[0] == '\t') {
			user, rest, ok = m, strings.TrimSpace(after), true
		}
	}
	if ok {
		return user, rest, true
	}
	word, rest := cutWord(c.Rest)
	id := strings.TrimPrefix(word, "@")
	return Mention{ID: id, Text: word}, rest, id != "" && id != word
}

// means reports whether the person who writes is the one who is named, by id or
// by the name that a platform has put into the text without saying whose it is.
func (c Call) means(user Mention) bool {
	return user.ID == c.Person.SenderID ||
		(c.SenderName != "" && user.Text == "@"+user.ID && strings.EqualFold(user.ID, c.SenderName))
}

func giveKudos(ctx context.Context, m memory.Backend, c Call, user Mention, reason string) (Answer, error) {
	who := memory.Person{Tenant: c.Person.Tenant, Platform: c.Person.Platform, SenderID: user.ID}
	known, err := m.NameAt(ctx, c.place(), who)
	if err != nil {
		return Answer{}, err
	}
	// What a platform puts into the text is the id where it has no name.
	name := cmp.Or(names.Clean(known), names.Clean(strings.TrimPrefix(user.Text, "@")), names.Clean(user.ID))
	board := "" // shows the name that the person is seen with
	if known == "" && name != user.ID {
		board = name
	}
	return c.change(ctx, m, func(results []memory.Result) string {
		return c.Say("kudos.done", name, results[0].Total)
	}, memory.AddScore{
		Place: c.place(), Board: memory.Kudos, Person: who, Name: board, N: 1, Reason: reason, By: c.Person,
	})
}

func ownKudos(ctx context.Context, m memory.Backend, c Call) (Answer, error) {
	n, err := m.Score(ctx, c.place(), memory.Kudos, c.Person)
	if err != nil {
		return Answer{}, err
	}
	reasons, err := m.Reasons(ctx, c.place(), c.Person, shownReasons)
	if err != nil {
		return Answer{}, err
	}
	lines := []string{c.Say("kudos.own", n)}
	for _, r := range reasons {
		lines = append(lines, "– "+r.Text)
	}
	return Answer{Text: strings.Join(lines, "\n")}, nil
}
