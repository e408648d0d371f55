package turn

import (
	"context"

	"github.com/parley-bot/parley/platforms"
)

// Locales is a [platforms.Sender] whose platform does not tell in its events
// which locale a person has, but when it is asked.
type Locales interface {
	// Locale returns a BCP 47 tag, "" when it cannot be learnt. Somebody waits
	// meanwhile: it takes a few seconds at most, and keeps what it has learnt.
	Locale(ctx context.Context, senderID string) string
}

// locale returns the locale of who wrote e, "" when nobody says it. The
// platform is asked only when the answer counts: a person's own choice comes
// before it.
func (r *Runner) locale(ctx context.Context, e *platforms.Event) string {
	platform, ok := r.Outbox.Sender(e.Platform).(Locales)
	if e.Locale != "" || !ok {
		return e.Locale
	}
	if chosen, err := r.Commands.Chosen(ctx, person(e)); err != nil || chosen != "" {
		return "" // on an error the command ends with it, too
	}
	return platform.Locale(ctx, e.SenderID)
}
