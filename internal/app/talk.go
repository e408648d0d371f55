package app

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// historyChars is how much of each message the page shows when it is loaded anew.
const historyChars = 64 << 10

// talk is one person's private chat with the pipeline from this very machine:
// the chat page's or the terminal's.
type talk struct {
	core     *core
	platform string
	person   string
}

// Say stores what the person said and returns when the reply exists. Said
// without an id, it is a new message each time.
func (t *talk) Say(ctx context.Context, said admin.Said, onDelta func(string)) (gateway.Status, error) {
	if said.ID == "" {
		said.ID = rand.Text()
	}
	accepted, err := t.core.gateway.Accept(ctx, []platforms.Event{t.event(said)})
	if err != nil {
		return gateway.Status{}, err
	}
	return t.core.gateway.Wait(ctx, accepted[0], onDelta)
}

func (t *talk) event(said admin.Said) platforms.Event {
	locale, _ := platforms.ParseLocale(said.Locale) // browsers have odd ones ("en-US@posix"), and those do no harm
	return platforms.Event{
		Platform: t.platform, ID: said.ID, Kind: platforms.KindMessage, ChatType: platforms.Private,
		ChatID: t.person, SenderID: t.person, Text: said.Text, Locale: locale, SentAt: time.Now().UTC(),
		ReplyTo: platforms.Address{ChatID: t.person},
	}
}

// History returns the last messages, oldest first; none when nothing was said yet.
func (t *talk) History(ctx context.Context, limit int) ([]conversation.Message, error) {
	e := t.event(admin.Said{})
	conv, err := t.core.store.Find(ctx, t.core.inbox.Key(&e))
	if errors.Is(err, conversation.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, failure.New(failure.Unavailable, "database_unavailable", "the history cannot be read now", err)
	}
	return t.core.store.Recent(ctx, conv.ID, limit, historyChars)
}
