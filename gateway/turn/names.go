package turn

import (
	"context"

	"github.com/parley-bot/parley/internal/names"
	"github.com/parley-bot/parley/platforms"
)

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
