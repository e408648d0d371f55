package turn

import (
	"context"
	"sync"

	"github.com/parley-bot/parley/internal/sentences"
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
	platform, ok := r.o.Outbox.Sender(e.Platform).(Locales)
	if e.Locale != "" || !ok {
		return e.Locale
	}
	if chosen, err := r.o.Commands.Chosen(ctx, person(e)); err != nil || chosen != "" {
		return "" // on an error the command ends with it, too
	}
	return platform.Locale(ctx, e.SenderID)
}

// say says sentences of the catalogue to who wrote e, in their language, which
// is looked up when the first one is said. A sentence is said even when the
// preference cannot be read: then in the language of the platform or the
// configuration.
func (r *Runner) say(ctx context.Context, e *platforms.Event) sentences.Say {
	voice := sync.OnceValue(func() sentences.Voice {
		v, _ := r.o.Commands.Voice(ctx, person(e), r.locale(ctx, e))
		return v
	})
	return func(key string, args ...any) string { return voice().Say(key, args...) }
}
