package app

import (
	"context"
	"log/slog"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/platforms"
)

// terminal is the platform and the queue of `parley chat`: its events are
// answered by it alone, also beside a running server.
const terminal = "terminal"

// Terminal is the pipeline for one person at a terminal.
type Terminal struct {
	core   *core
	talk   talk
	locale string
}

// NewTerminal opens the database and starts to answer what this person says.
// locale is the person's, BCP 47; "" = unknown.
func NewTerminal(ctx context.Context, cfg *config.Config, log *slog.Logger, person, locale string) (*Terminal, error) {
	c, err := newCore(ctx, cfg, log, purpose{queue: terminal, senders: map[string]platforms.Sender{terminal: silent{}}})
	if err != nil {
		return nil, err
	}
	c.start(ctx)
	return &Terminal{core: c, talk: talk{core: c, platform: terminal, person: person}, locale: locale}, nil
}

// Say returns the reply to what the person said, or the sentence that says why
// there is none. onDelta gets the reply's pieces as they come.
func (t *Terminal) Say(ctx context.Context, text string, onDelta func(string)) (string, error) {
	status, err := t.talk.Say(ctx, admin.Said{Text: text, Locale: t.locale}, onDelta)
	switch {
	case err != nil:
		return "", err
	case status.Reply != nil:
		return status.Reply.Text, nil
	case status.Error != nil:
		return status.Error.Message, nil
	}
	return "", nil
}

// Close stops answering and closes the database.
func (t *Terminal) Close() error { return t.core.close() }
