package slack

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/platforms"
)

var _ platforms.ThreadReader = (*Adapter)(nil)

const (
	threadPages = 5    // of a thread that are read
	threadBytes = 7500 // that are told of it: what opened it, and the newest
	threadNames = 10   // people and channels that are asked about

	methodReplies = "conversations.replies"
)

// channelRef is a channel in a text that does not say its name.
var channelRef = regexp.MustCompile(`#[CG][A-Z0-9]{2,}\b`)

// Above implements [platforms.ThreadReader]. It needs the history scope of the
// channel.
// Source: https://docs.slack.dev/reference/methods/conversations.replies
func (a *Adapter) Above(ctx context.Context, e platforms.Event, since time.Time) (string, error) {
	to := e.ReplyTo
	q := url.Values{
		"channel": {to.ChatID}, "ts": {e.ThreadID}, "latest": {to.MessageID}, "limit": {strconv.Itoa(pageSize)},
	}
	if !since.IsZero() {
		q.Set("oldest", formatTS(since))
	}
	told := teller{a: a, names: map[string]string{}}
	for range threadPages {
		var g struct {
			Messages         []message `json:"messages"`
			ResponseMetadata struct {
				NextCursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := a.call(ctx, methodReplies, to, q, &g); err != nil {
			return "", err
		}
		for i := range g.Messages {
			m := &g.Messages[i]
			if within(m, to.MessageID, q.Get("oldest")) {
				told.add(ctx, m, since.IsZero())
			}
		}
		if g.ResponseMetadata.NextCursor == "" {
			break
		}
		q.Set("cursor", g.ResponseMetadata.NextCursor)
	}
	return told.text(), nil
}

// within reports whether m lies between two messages: Slack tells of what opened
// a thread whatever is asked for.
func within(m *message, latest, oldest string) bool {
	at, ok := parseTS(m.ts())
	before, known := parseTS(latest)
	after, bounded := parseTS(oldest)
	return ok && (!known || at.Before(before)) && (!bounded || at.After(after))
}

// teller writes what was said, a line or more for each message.
type teller struct {
	a     *Adapter
	names map[string]string // of people and channels, by id
	asked int
	lines []string
}

func (t *teller) add(ctx context.Context, m *message, own bool) {
	bot := t.a.botUser.Load()
	mine := bot != nil && m.User.String() == *bot
	if mine && !own || bool(m.Hidden) || strings.HasPrefix(m.Subtype.String(), "channel_") || m.Subtype == "tombstone" {
		return
	}
	said := m.words(nil)
	if mine { // its blocks say nothing else
		said = readText(m.Text.String(), nil)
	}
	text := cmp.Or(strings.TrimSpace(said.text), describe(m.Files))
	for _, one := range said.mentions {
		if name := t.name(ctx, one.ID); name != "" {
			text = strings.ReplaceAll(text, "@"+one.ID, "@"+name)
		}
	}
	for _, channel := range channelRef.FindAllString(text, threadNames) {
		if name := t.name(ctx, channel[1:]); name != "" {
			text = strings.ReplaceAll(text, channel, "#"+name)
		}
	}
	who := cmp.Or(m.User, m.BotID, "unknown").String()
	switch name := t.name(ctx, who); {
	case mine:
		who = "you (" + who + ")"
	case name != "":
		who = strconv.Quote(name) + " (" + who + ")"
	}
	if text != "" {
		t.lines = append(t.lines, who+": "+text)
	}
}

// name returns what somebody, or a channel, is called, "" when it is not known.
func (t *teller) name(ctx context.Context, id string) string {
	if name, ok := t.names[id]; ok {
		return name
	}
	if t.asked++; t.asked > threadNames || id == "" {
		return ""
	}
	name := ""
	switch id[0] {
	case 'U', 'W':
		name = t.a.Name(ctx, id)
	case 'C', 'G':
		name = t.a.room(ctx, id)
	}
	t.names[id] = cutTo(strings.Join(strings.Fields(platforms.ShortName(name)), " "), 64)
	return t.names[id]
}

// text is what was said, without the middle where it is too much.
func (t *teller) text() string {
	size, first := 0, len(t.lines)
	for first > 0 && size+len(t.lines[first-1]) < threadBytes-len(t.lines[0]) {
		first--
		size += len(t.lines[first]) + 1
	}
	if first == 0 {
		return strings.Join(t.lines, "\n")
	}
	return strings.Join(slices.Concat(t.lines[:1], []string{"…"}, t.lines[first:]), "\n")
}
