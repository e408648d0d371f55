package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a time zone must be known on a machine without a zone database, too

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/names"
	"github.com/parley-bot/parley/memory"
)

const (
	defaultHistory = 10
	maxHistory     = 100
	lineChars      = 500 // of each message's text
)

// history shows the last messages of the conversation, in the person's time zone.
func history(store Store, m memory.Backend) Command {
	return Command{
		Name: "history", Usage: "[n]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			n, ok := historyCount(c.Args)
			if !ok {
				return c.Usage(), nil
			}
			messages, err := shown(ctx, store, c.Conversation, n)
			if err != nil {
				return Answer{}, err
			}
			zone, err := zoneOf(ctx, m, c)
			if err != nil {
				return Answer{}, err
			}
			text, n := c.printHistory(messages, zone)
			// A history holds those before it: kept whole, they would double each time.
			return Answer{Text: text, Kept: c.kept(n)}, nil
		},
	}
}

// historyCount returns how many messages the arguments ask for; false means
// that they are not one whole number above 0.
func historyCount(args []string) (int, bool) {
	if len(args) == 0 {
		return defaultHistory, true
	}
	n, err := strconv.ParseUint(args[0], 10, 64)
	if len(args) > 1 || n == 0 || (err != nil && !errors.Is(err, strconv.ErrRange)) {
		return 0, false
	}
	return int(min(n, maxHistory)), true
}

// shown returns the last n messages that people see: not the system's or a tool's,
// nor what only asks for a tool. Where many of those lie between, it looks further back.
func shown(ctx context.Context, store Store, id int64, n int) ([]conversation.Message, error) {
	if id == 0 {
		return nil, nil
	}
	for size := n; ; size *= 4 {
		all, err := store.Recent(ctx, id, size, lineChars)
		if err != nil {
			return nil, err
		}
		list := slices.DeleteFunc(slices.Clone(all), func(m conversation.Message) bool {
			return m.Role != conversation.RoleUser && (m.Role != conversation.RoleAssistant || m.Content == "")
		})
		if len(list) >= n || len(all) < size || size >= n<<6 {
			return list[max(0, len(list)-n):], nil
		}
	}
}

// zoneOf returns the time zone of the person's preference, UTC when there is
// none or it is not a zone's name.
func zoneOf(ctx context.Context, m memory.Backend, c Call) (*time.Location, error) {
	name, _, err := m.Preference(ctx, c.Person, "timezone")
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // the server's own zone is nobody's business
		return time.UTC, nil //nolint:nilerr // a name that is no zone is no failure
	}
	return zone, nil
}

// speaker returns what stands before a message: in a room others are named.
func (c Call) speaker(m conversation.Message) string {
	you, bot := c.Say("history.you"), c.Say("history.bot")
	switch {
	case m.Role == conversation.RoleAssistant:
		return bot
	case !c.Room || m.Author == c.UserKey:
		return you
	}
	id := names.Clean(message.SenderOf(cmp.Or(m.Author, "*")))
	name := cmp.Or(names.Clean(m.SenderName()), id)
	for _, taken := range []string{you, bot} { // nobody poses as one of the two
		if strings.EqualFold(name, strings.TrimRight(taken, ":： ")) {
			name += " (" + id + ")"
		}
	}
	return name + ": "
}

// kept is what is stored of an answer that shows n messages; "" = the answer itself.
func (c Call) kept(n int) string {
	if n == 0 {
		return ""
	}
	return c.Say("history.kept", n)
}

// printHistory writes the newest messages that an answer has room for, and
// returns how many those are.
func (c Call) printHistory(messages []conversation.Message, zone *time.Location) (text string, n int) {
	if len(messages) == 0 {
		return c.Say("history.none"), 0
	}
	lines := make([]string, len(messages))
	left := c.room() - len(c.Say("history.title", len(messages)))
	first := len(messages)
	for first > 0 {
		line := c.printMessage(messages[first-1], zone)
		if left -= len(line); left < 0 {
			break
		}
		first--
		lines[first] = line
	}
	n = len(messages) - first
	text = c.Say("history.title", n) + "\n" + strings.Join(lines[first:], "")
	if first > 0 {
		text += "\n\n" + c.Say("cut.oldest")
	}
	return text, n
}

func (c Call) printMessage(m conversation.Message, zone *time.Location) string {
	return fmt.Sprintf("\n[%s] %s%s", m.Timestamp.In(zone).Format(time.DateTime), c.speaker(m), m.Content)
}
