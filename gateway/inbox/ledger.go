package inbox

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// Ledger is the events for those who need no lease of a lane: admins, the
// command line, erasure, cleanup. It is safe for concurrent use.
type Ledger struct {
	DB         *database.DB
	sql        dialect
	deliveries Deliveries
	kept       []Kept
}

// NewLedger returns the ledger of a migrated database. deliveries are the
// replies to the events, which go and come back with them; kept is what else
// goes with them.
func NewLedger(db *database.DB, deliveries Deliveries, kept ...Kept) *Ledger {
	return &Ledger{DB: db, sql: dialectOf(db), deliveries: deliveries, kept: kept}
}

// Kept is what somebody keeps of events.
type Kept interface {
	// DropTx removes what is kept of events.
	DropTx(ctx context.Context, tx database.Tx, ids []int64) error
}

// dropTx removes everything that is kept of events beside their own rows. A
// delivery has the id of the oldest event that it answers.
func (l *Ledger) dropTx(ctx context.Context, tx database.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	for _, k := range l.kept {
		if err := k.DropTx(ctx, tx, ids); err != nil {
			return err
		}
	}
	return l.deliveries.DropTx(ctx, tx, ids)
}

// Deliveries is what the ledger wants of the replies.
type Deliveries interface {
	// DropTx removes replies.
	DropTx(ctx context.Context, tx database.Tx, ids []int64) error
	// ReopenTx has a reply shown again as far as it is not shown, and reports
	// false where it was the sentence that there is none, which it removes.
	ReopenTx(ctx context.Context, tx database.Tx, id int64) (bool, error)
	// OfMessage returns the reply, be it only begun, that a message in a chat
	// belongs to, which has its oldest event's id; 0 when it belongs to none.
	OfMessage(ctx context.Context, from database.Reader, platform, chatID, messageID string) (int64, error)
}

// Get returns one event by our id.
func (l *Ledger) Get(ctx context.Context, id int64) (Event, error) {
	return l.one(ctx, "id = ?", id)
}

// Find returns the event that a platform (its name, tenant and app) calls by this id.
func (l *Ledger) Find(ctx context.Context, e *platforms.Event) (Event, error) {
	return l.one(ctx, "event_id = ? AND event_key = ?", e.ID, EventKey(e))
}

func (l *Ledger) one(ctx context.Context, where string, args ...any) (Event, error) {
	rows, err := l.rows(ctx, l.DB.Read(), where, args...)
	if err != nil {
		return Event{}, err
	}
	if len(rows) == 0 {
		return Event{}, failure.New(failure.NotFound, "not_found", "there is no such event", nil)
	}
	return rows[0].event()
}

// ListOptions choose events of the ledger; all are optional.
type ListOptions struct {
	Status  State
	UserKey string
	Limit   int   // 1 to 1000; default 50
	Before  int64 // only events older than this id; 0: from the newest on
}

const (
	defaultPage = 50
	maxPage     = 1000
)

// List returns events, newest first, and the id to go on before, 0 at the end.
func (l *Ledger) List(ctx context.Context, o ListOptions) (events []Event, next int64, err error) {
	where, args := l.filter(o)
	limit := defaultPage
	if o.Limit > 0 {
		limit = min(o.Limit, maxPage)
	}
	rows, err := l.rows(ctx, l.DB.Read(), where+" ORDER BY id DESC LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return nil, 0, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	events = make([]Event, len(rows))
	for i := range rows {
		if events[i], err = rows[i].event(); err != nil {
			return nil, 0, err
		}
	}
	return events, next, nil
}

func (l *Ledger) filter(o ListOptions) (where string, args []any) {
	conditions := []string{"1 = 1"}
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	switch o.Status {
	case "":
	case Received, Running:
		add(open+" AND status = ?", string(o.Status))
	case Failed, Dead, Discarded, Ignored:
		add(odd+" AND status = ?", string(o.Status))
	case Sent:
		add("status = ?", string(o.Status))
	}
	if o.UserKey != "" {
		add("user_key = ?", o.UserKey)
	}
	if o.Before > 0 {
		add("id < ?", o.Before)
	}
	return strings.Join(conditions, " AND "), args
}

// Lookup returns an event by our id, by "platform:ID" or by the platform's id
// alone, in that order, so that each event can be named whatever the others are
// called. It is the newest of those when several tenants, or platforms, use the
// same id.
func (l *Ledger) Lookup(ctx context.Context, ref string) (Event, error) {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		e, err := l.Get(ctx, id)
		if failure.KindOf(err) != failure.NotFound {
			return e, err
		}
	}
	if platform, id, ok := strings.Cut(ref, ":"); ok {
		e, err := l.one(ctx, "event_id = ? AND platform = ? ORDER BY id DESC LIMIT 1", id, platform)
		if failure.KindOf(err) != failure.NotFound {
			return e, err
		}
	}
	return l.one(ctx, "event_id = ? ORDER BY id DESC LIMIT 1", ref)
}

// Replay puts an event that failed, died, was ignored or discarded back into
// its lane, with all its attempts before it again, and with it those that the same
// reply was to answer. A reply that was made and not
// shown is sent again, also where it may have been shown: an admin asked for
// it. Where the chat was only told that there is no reply, one is made anew.
func (l *Ledger) Replay(ctx context.Context, id int64) error {
	return l.turnTo(ctx, id, func(ctx context.Context, tx database.Tx, r *row, now int64) error {
		switch r.Status {
		case Failed, Dead, Ignored, Discarded:
		case Received, Running, Sent:
			return failure.New(failure.Conflict, "not_replayable", "an event that is "+string(r.Status)+" cannot be replayed", nil)
		}
		if r.erased() {
			return failure.New(failure.Conflict, "not_replayable", "an event whose text was erased cannot be replayed", nil)
		}
		ids, err := l.answeredWith(ctx, tx, r)
		if err != nil {
			return err
		}
		made, err := l.reopenReply(ctx, tx, r)
		if err != nil {
			return err
		}
		_, err = l.DB.Exec(ctx, tx, "UPDATE events SET status = ?, error = '', failures = 0, called_off = '', next_attempt_at = 0, delivery_id = ?, updated_at = ?, steps = "+
			l.sql.appendStep+" WHERE id IN (?)", string(Received), made, now, step(now, Received, "replayed by an admin"), ids)
		if err != nil {
			return err
		}
		if err := l.wakeLane(ctx, tx, r.LaneKey, ""); err != nil {
			return err
		}
		// A lane that waits for this very event's next attempt waits no more.
		_, err = l.DB.Exec(ctx, tx, "UPDATE lanes SET ready_at = ? WHERE lane_key = ? AND lease_owner = ''", now, r.LaneKey)
		return err
	})
}

// answeredWith returns the event and those that its reply was to answer too,
// unless an admin has discarded them meanwhile.
func (l *Ledger) answeredWith(ctx context.Context, tx database.Tx, r *row) ([]int64, error) {
	ids := []int64{r.ID}
	if r.DeliveryID == nil {
		return ids, nil
	}
	// A delivery has the id of the oldest event that it answers.
	others, err := database.Values[int64](ctx, l.DB, tx, "SELECT id FROM events WHERE "+odd+
		" AND status IN (?, ?) AND id >= ? AND delivery_id = ? AND lane_key = ? AND id <> ?",
		string(Failed), string(Dead), *r.DeliveryID, *r.DeliveryID, r.LaneKey, r.ID)
	return append(ids, others...), err
}

// reopenReply returns the id of the reply that is to be shown again, nil when
// one is to be made.
func (l *Ledger) reopenReply(ctx context.Context, tx database.Tx, r *row) (*int64, error) {
	if r.DeliveryID == nil {
		return nil, nil //nolint:nilnil // there is no reply yet
	}
	made, err := l.deliveries.ReopenTx(ctx, tx, *r.DeliveryID)
	if !made || err != nil {
		return nil, err
	}
	return r.DeliveryID, nil
}

// Discard ends an event that waits or failed without an answer.
func (l *Ledger) Discard(ctx context.Context, id int64) error {
	return l.turnTo(ctx, id, func(ctx context.Context, tx database.Tx, r *row, now int64) error {
		switch r.Status {
		case Received, Failed, Dead, Ignored:
		case Running, Sent, Discarded:
			return failure.New(failure.Conflict, "not_discardable", "an event that is "+string(r.Status)+" cannot be discarded", nil)
		}
		return l.mark(ctx, tx, []int64{id}, now, Discarded, "discarded by an admin")
	})
}

// turnTo changes an event while its lane is held, so that no worker has it.
func (l *Ledger) turnTo(ctx context.Context, id int64, change func(context.Context, database.Tx, *row, int64) error) error {
	return l.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		found, err := l.rows(ctx, tx, "id = ?", id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return failure.New(failure.NotFound, "not_found", fmt.Sprintf("there is no event %d", id), nil)
		}
		if err := l.lockLane(ctx, tx, found[0].LaneKey); err != nil {
			return err
		}
		// Its state may have changed before the lane was held.
		if found, err = l.rows(ctx, tx, "id = ?", id); err != nil {
			return err
		}
		if len(found) == 0 {
			return failure.New(failure.NotFound, "not_found", fmt.Sprintf("event %d no longer exists", id), nil)
		}
		now, err := l.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		return change(ctx, tx, &found[0], now)
	})
}

func (l *Ledger) lockLane(ctx context.Context, tx database.Tx, lane []byte) error {
	_, err := l.lanes(ctx, tx, "lane_key = ?"+l.DB.ForUpdate(), lane)
	return err
}
