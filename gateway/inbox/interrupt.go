package inbox

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// Grown reports whether a turn that began now would answer more than w: a
// message has arrived that belongs to those being answered. It does not
// disturb writers.
func (b *Inbox) Grown(ctx context.Context, w *Work) (bool, error) {
	if w.Isolation() != Normal { // answers its oldest event and no other
		return false, nil
	}
	events, err := b.nextOpen(ctx, b.DB.Read(), w.Lease.lane)
	if err != nil || len(events) <= len(w.Events) {
		return false, err
	}
	for i := range w.Events {
		if events[i].ID != w.Events[i].ID { // the lane is somebody else's by now
			return false, nil
		}
	}
	return b.o.Group(events) > len(w.Events), nil
}

// InterruptTx puts the events back, to be answered at once together with what
// has arrived. It is no attempt. conversationID is the conversation that holds
// their messages by now, 0 when none does.
func (b *Inbox) InterruptTx(ctx context.Context, tx database.Tx, w *Work, conversationID int64, detail string) error {
	now, err := b.hold(ctx, tx, w.Lease)
	if err != nil {
		return err
	}
	if err := b.mark(ctx, tx, w.IDs(), now, Received, detail); err != nil {
		return err
	}
	var conversation any // NULL where there is none
	if conversationID != 0 {
		conversation = conversationID
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE events SET conversation_id = COALESCE("+b.sql.moment+", conversation_id), attempts = attempts + ? WHERE id IN (?)",
		conversation, w.Tries, w.IDs())
	if err != nil {
		return err
	}
	return b.giveBack(ctx, tx, w, now, w.crashes)
}
