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
	rows, err := b.oldestOpen(ctx, b.DB.Read(), w.Lease.lane)
	if err != nil {
		return false, err
	}
	if len(rows) <= len(w.Events) {
		return false, nil
	}
	events := make([]Event, len(rows))
	for i := range rows {
		if events[i], err = rows[i].event(); err != nil {
			return false, err
		}
	}
	for i := range w.Events {
		if events[i].ID != w.Events[i].ID { // the lane is somebody else's by now
			return false, nil
		}
	}
	return b.Group(events) > len(w.Events), nil
}

// InterruptTx puts the events back, to be answered at once together with what
// has arrived. It is no attempt. conversationID is the conversation that holds
// their messages by now, 0 when none does.
func (b *Inbox) InterruptTx(ctx context.Context, tx database.Tx, w *Work, conversationID int64, detail string) error {
	now, err := b.holdNow(ctx, tx, w)
	if err != nil {
		return err
	}
	if err := b.mark(ctx, tx, w.IDs(), now, Received, detail); err != nil {
		return err
	}
	if conversationID != 0 {
		_, err := b.DB.Exec(ctx, tx, "UPDATE events SET conversation_id = ? WHERE id IN (?)", conversationID, w.IDs())
		if err != nil {
			return err
		}
	}
	return b.giveBack(ctx, tx, w, now, w.crashes)
}
