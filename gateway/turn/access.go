package turn

import (
	"context"
	"errors"

	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// Access says whom the bot is for.
type Access interface {
	// Meet says how to meet who wrote an event.
	Meet(ctx context.Context, e *platforms.Event) (access.Meeting, error)
	// Replied notes the text of a reply, which was made for an event.
	Replied(e *platforms.Event, text string)
}

// errIgnored ends a turn whose events are ignored.
var errIgnored = errors.New("the events are ignored")

// meet returns nil for who is answered, the reply that tells a stranger their
// code, and errIgnored once the events are ignored.
func (r *Runner) meet(ctx context.Context, t *task) (*reply, error) {
	if r.o.Access == nil {
		return nil, nil //nolint:nilnil // everybody is answered
	}
	m, err := r.o.Access.Meet(ctx, &t.lead().Event)
	if err != nil {
		return nil, err
	}
	if m.Code != "" && t.lead().Event.Page != "" { // who has said nothing needs none
		m.Ignore = "page for somebody who is not paired"
	}
	switch {
	case m.Ignore != "":
		err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			return r.o.Inbox.DoneTx(ctx, tx, t.Work, inbox.End{State: inbox.Ignored, Reason: m.Ignore, Detail: m.Ignore})
		})
		if err == nil {
			err = errIgnored
		}
		return nil, err
	case m.Code == "":
		return nil, nil //nolint:nilnil // as above
	}
	return &reply{
		text: t.say("pairing.code", m.Code), outcome: outbox.Sent, detail: "sent a pairing code", stranger: true,
		apply: func(ctx context.Context, tx database.Tx, _ int64) (string, error) { return "", m.PairTx(ctx, tx) },
	}, nil
}
