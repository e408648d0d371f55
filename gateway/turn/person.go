package turn

import (
	"context"
	"fmt"
	"sync"

	"github.com/parley-bot/parley/internal/names"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

func person(e *platforms.Event) memory.Person {
	return memory.Person{Tenant: e.Tenant, Platform: e.Platform, SenderID: e.SenderID}
}

// userOf is who asks, for providers.
func userOf(e *platforms.Event) string { return fmt.Sprintf("%x", person(e).Hash()[:16]) }

// Locales is a [platforms.Sender] whose platform does not tell in its events
// which locale a person has, but when it is asked.
type Locales interface {
	// Locale returns a BCP 47 tag, "" when it cannot be learnt. Somebody waits
	// meanwhile: it takes a few seconds at most, and keeps what it has learnt.
	Locale(ctx context.Context, senderID string) string
}

// locale returns the locale of who wrote e, "" when nobody says it.
func (r *Runner) locale(ctx context.Context, e *platforms.Event) string {
	platform, ok := r.o.Outbox.Sender(e.Platform).(Locales)
	if e.Locale != "" || !ok {
		return e.Locale
	}
	return platform.Locale(ctx, e.SenderID)
}

// say says sentences of the catalogue to who wrote e, in their language, which
// is looked up when the first one is said. A sentence is said even when the
// preference cannot be read: then in the language of the platform or the
// configuration.
func (r *Runner) say(ctx context.Context, e *platforms.Event) sentences.Say {
	voice := sync.OnceValue(func() sentences.Voice {
		v, _ := r.o.Commands.Voice(ctx, person(e), func() string { return r.locale(ctx, e) })
		return v
	})
	return func(key string, args ...any) string { return voice().Say(key, args...) }
}

// Names is a [platforms.Sender] whose platform does not tell in its events who
// people are, but when it is asked.
type Names interface {
	// Name returns what somebody is called, "" when it cannot be learnt. Somebody
	// waits meanwhile: it takes a few seconds at most, and keeps what it has learnt.
	Name(ctx context.Context, senderID string) string
}

// nameSenders learns what the senders in a room are called: there the name
// stands before what each has said.
func (r *Runner) nameSenders(ctx context.Context, t *task) {
	platform, ok := r.o.Outbox.Sender(t.lead().Event.Platform).(Names)
	if !ok || t.key.UserKey != platforms.RoomKey(t.lead().Event.Platform) {
		return
	}
	for i := range t.Events {
		if e := &t.Events[i].Event; e.SenderName == "" {
			e.SenderName = names.Clean(platform.Name(ctx, e.SenderID))
		}
	}
}
