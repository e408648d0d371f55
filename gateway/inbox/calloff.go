package inbox

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// An event that is being answered may be called off: its author takes the
// message back, or somebody asks for no more of the reply. The event says so from
// then on (events.called_off), and whoever has its lane acts by it: the model's
// call is ended, and what must not be shown is not committed (AnsweredTx).

// Signal is why an event is ended before its reply is complete.
type Signal string

// The signals.
const (
	Retracted Signal = "retracted" // its author has taken the message back
	Stopped   Signal = "stopped"   // somebody has asked for no more of the reply

	// Of the event that asks for it: it has stopped another, or may not.
	Stopping Signal = "stopping"
	Refused  Signal = "refused"
)

// ErrRetracted is returned when a message was taken back while it was being
// answered: nothing of that answer may be committed.
var ErrRetracted = errors.New("message taken back by its author")

// callsOff reports whether an event may call off another.
func (b *Inbox) callsOff(e *platforms.Event) bool {
	return e.Retracts != "" || b.o.Stops != nil && b.o.Stops(e)
}

// callOff calls off what a new event asks for.
func (b *Inbox) callOff(ctx context.Context, tx database.Tx, n *entry) error {
	switch {
	case !b.callsOff(n.event) || n.event.Retracts == "" && n.state != Received:
		return nil
	case n.event.Retracts != "":
		return b.retract(ctx, tx, n)
	}
	return b.stop(ctx, tx, n)
}

// stop calls off what is being answered in the lane of an event that asks for it,
// or where its button stands. The event says what came of it.
func (b *Inbox) stop(ctx context.Context, tx database.Tx, n *entry) error {
	lane, err := b.laneToStop(ctx, tx, n)
	if err != nil || lane == nil {
		return err
	}
	if err := b.lockLane(ctx, tx, lane); err != nil {
		return err
	}
	found, err := b.rows(ctx, tx, "lane_key = ? AND "+open+" AND id < ? ORDER BY id LIMIT ?", lane, n.result.ID, MaxBatch)
	if err != nil {
		return err
	}
	events, err := b.stoppable(found)
	if err != nil || len(events) == 0 {
		return err
	}
	ids := make([]int64, len(events))
	for i := range events {
		if events[i].Event.SenderID != n.event.SenderID && !b.IsAdmin(n.event) {
			return b.signal(ctx, tx, []int64{n.result.ID}, Refused)
		}
		ids[i] = events[i].ID
	}
	if err := b.signal(ctx, tx, ids, Stopped); err != nil {
		return err
	}
	if err := b.lookAt(ctx, tx, lane); err != nil {
		return err
	}
	n.result.CallsOff, n.result.Signal = ids[0], Stopped
	return b.signal(ctx, tx, []int64{n.result.ID}, Stopping)
}

// tooLate takes back that somebody has asked for no more of a reply: it is whole,
// and who waits for an answer to that hears so. The lane is held.
func (b *Inbox) tooLate(ctx context.Context, tx database.Tx, w *Work) error {
	n, err := b.DB.Exec(ctx, tx, "UPDATE events SET called_off = '' WHERE id IN (?) AND called_off = ?", w.IDs(), string(Stopped))
	if err != nil || n == 0 {
		return err
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE events SET called_off = '' WHERE lane_key = ? AND "+open+" AND id > ? AND called_off = ?",
		w.Lease.lane, w.Events[len(w.Events)-1].ID, string(Stopping))
	return err
}

// stoppable returns those of a lane's open events whose reply is being made, and
// where none is, those that the next turn would answer.
func (b *Inbox) stoppable(found []row) ([]Event, error) {
	var begun, waiting []Event
	for i := range found {
		of, err := found[i].event()
		switch {
		case err != nil:
			return nil, err
		case of.DeliveryID != 0, b.o.Stops(&of.Event): // its reply is made, or it is what stops
		case of.State == Received:
			waiting = append(waiting, of)
		default:
			begun = append(begun, of)
		}
	}
	if len(begun) > 0 || len(waiting) == 0 {
		return begun, nil
	}
	return waiting[:b.next(waiting, Normal)], nil
}

// lookAt has a lane that waits claimed at once.
func (b *Inbox) lookAt(ctx context.Context, tx database.Tx, lane []byte) error {
	now, err := b.DB.Clock(ctx, tx)
	if err != nil {
		return err
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE lanes SET ready_at = ? WHERE lane_key = ? AND lease_owner = '' AND ready_at > ?", now, lane, now)
	return err
}

// laneToStop returns the lane that an event which stops is about, nil when there
// is none.
func (b *Inbox) laneToStop(ctx context.Context, tx database.Tx, n *entry) ([]byte, error) {
	if n.event.Press == nil || n.event.Press.MessageID == "" {
		return b.Lane(n.event), nil
	}
	id, err := b.deliveries.OfMessage(ctx, tx, n.event.Platform, n.event.ChatID, n.event.Press.MessageID)
	if err != nil || id == 0 {
		return nil, err
	}
	found, err := b.rows(ctx, tx, "id = ?", id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].LaneKey, nil
}

func (b *Inbox) signal(ctx context.Context, tx database.Tx, ids []int64, s Signal) error {
	_, err := b.DB.Exec(ctx, tx, "UPDATE events SET called_off = ? WHERE id IN (?)", string(s), ids)
	return err
}

// retract calls off the event of a message that was taken back, unless it has
// come to its end, and has its lane looked at.
func (b *Inbox) retract(ctx context.Context, tx database.Tx, n *entry) error {
	keys := [][]byte{messageKey(n.event, n.event.Retracts)}
	if b.former {
		keys = append(keys, formerKeys(n.event, n.event.Retracts)...)
	}
	found, err := b.rows(ctx, tx, "message_key IN (?) AND "+open, keys)
	if err != nil || len(found) == 0 {
		return err
	}
	r := &found[0]
	now, err := b.DB.Clock(ctx, tx)
	if err != nil {
		return err
	}
	// The lane's row before the event's, as everywhere.
	if err := b.lockLane(ctx, tx, r.LaneKey); err != nil {
		return err
	}
	if err := b.lookAt(ctx, tx, r.LaneKey); err != nil {
		return err
	}
	changed, err := b.DB.Exec(ctx, tx, "UPDATE events SET called_off = ?, updated_at = ? WHERE id = ? AND "+open, string(Retracted), now, r.ID)
	if changed > 0 {
		n.result.CallsOff, n.result.Signal = r.ID, Retracted
	}
	return err
}

// CalledOff returns which of some events are called off, and why.
func (b *Inbox) CalledOff(ctx context.Context, ids []int64) (map[int64]Signal, error) {
	found := map[int64]Signal{}
	if len(ids) == 0 {
		return found, nil
	}
	err := b.DB.Query(ctx, b.DB.Read(), func(rows *sql.Rows) error {
		var id int64
		var why Signal
		err := rows.Scan(&id, &why)
		found[id] = why
		return err
	}, "SELECT id, called_off FROM events WHERE id IN (?) AND called_off <> ''", ids)
	return found, err
}

// Ended returns those of some events that are at their end, or are not there.
func (b *Inbox) Ended(ctx context.Context, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	active, err := database.Values[int64](ctx, b.DB, b.DB.Read(), "SELECT id FROM events WHERE id IN (?) AND "+open, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return slices.Contains(active, id) }), nil
}

// Retracted returns those of the work's events whose message is known to be taken back.
func (w *Work) Retracted() []int64 {
	var ids []int64
	for i := range w.Events {
		if w.Events[i].CalledOff == Retracted {
			ids = append(ids, w.Events[i].ID)
		}
	}
	return ids
}

// RetractedTx ends those of the work's events whose message was taken back, puts
// the others back as if nobody had tried to answer them, and gives the lane back.
func (b *Inbox) RetractedTx(ctx context.Context, tx database.Tx, w *Work) error {
	now, err := b.hold(ctx, tx, w.Lease)
	if err != nil {
		return err
	}
	gone, err := database.Values[int64](ctx, b.DB, tx, "SELECT id FROM events WHERE id IN (?) AND called_off = ?", w.IDs(), string(Retracted))
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(w.IDs(), func(id int64) bool { return slices.Contains(gone, id) })
	if err := b.mark(ctx, tx, gone, now, Ignored, ErrRetracted.Error()); err != nil {
		return err
	}
	if err := b.mark(ctx, tx, rest, now, Received, "a message to be answered together with this one was taken back"); err != nil {
		return err
	}
	_, err = b.DB.Exec(ctx, tx, "UPDATE events SET conversation_id = NULL, delivery_id = NULL, next_attempt_at = 0, attempts = attempts + ?, "+
		"error = CASE WHEN status = ? THEN ? ELSE '' END WHERE id IN (?)", w.Tries, string(Ignored), ErrRetracted.Error(), w.IDs())
	if err != nil {
		return err
	}
	return b.free(ctx, tx, w, now)
}
