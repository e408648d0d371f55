package inbox

import (
	"context"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/database"
)

// dialect holds the statements that the engines write differently. The times in
// them are [database.DB.Moment], so that they cost no round trip.
type dialect struct {
	// wakeLane gives a lane work from now on, and holds its row. A lane that has
	// work already is not written, only locked.
	wakeLane string
	// insertEvent stores an event unless it is there.
	insertEvent string
	// accept is wakeLane and then insertEvent, "" where that takes two statements.
	accept string
	// follow notes that the bot answers somebody in a thread.
	follow string
	// appendStep adds a line to an event's steps.
	appendStep string
	// moment is an argument that is a time, where its type cannot be told.
	moment string
}

func dialectOf(db *database.DB) dialect {
	const (
		lane    = "INSERT INTO lanes (lane_key, queue, ready_at, updated_at) VALUES (?, ?, NOW, NOW)"
		columns = "INSERT INTO events (event_key, message_key, lane_key, platform, tenant, event_id, user_key, " +
			"body, status, error, received_at, updated_at, steps) "
		values = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NOW, NOW, ''" //nolint:dupword // two columns
		thread = "INSERT INTO threads (thread_key, person, several, updated_at) VALUES (?, ?, ?, ?)"
		event  = columns + "VALUES (" + values + ")"
	)
	d := dialect{
		wakeLane:    lane + " ON CONFLICT (lane_key) DO UPDATE SET ready_at = excluded.ready_at WHERE lanes.ready_at IS NULL",
		insertEvent: event + " ON CONFLICT DO NOTHING",
		follow: thread + " ON CONFLICT (thread_key) DO UPDATE SET several = " +
			"CASE WHEN threads.person <> excluded.person OR excluded.several = 1 THEN 1 ELSE threads.several END, updated_at = excluded.updated_at",
		appendStep: "steps || ?",
		moment:     "?",
	}
	switch db.Engine() {
	case database.SQLite:
	case database.Postgres:
		d.moment = "CAST(? AS BIGINT)"
		// What is counted is there before the event gets its id.
		d.accept = "WITH lane AS (" + d.wakeLane + " RETURNING 1) " +
			columns + "SELECT " + values + " FROM (SELECT COUNT(*) AS n FROM lane) AS held WHERE held.n >= 0 ON CONFLICT DO NOTHING"
	case database.MySQL:
		d.wakeLane = lane + " ON DUPLICATE KEY UPDATE ready_at = COALESCE(ready_at, VALUES(ready_at))"
		d.insertEvent = event + " ON DUPLICATE KEY UPDATE event_key = event_key"
		d.follow = thread + " ON DUPLICATE KEY UPDATE several = " +
			"CASE WHEN person <> VALUES(person) OR VALUES(several) = 1 THEN 1 ELSE several END, updated_at = VALUES(updated_at)"
		d.appendStep = "CONCAT(steps, ?)"
	}
	now, _ := db.Moment()
	for _, statement := range []*string{&d.wakeLane, &d.insertEvent, &d.accept} {
		*statement = strings.ReplaceAll(*statement, "NOW,", now+",")
		*statement = strings.ReplaceAll(*statement, "NOW)", now+")")
	}
	return d
}

// times returns the arguments of a statement that names the time twice, behind the others.
func (l *Ledger) times(args ...any) []any {
	_, at := l.DB.Moment()
	return slices.Concat(args, at, at)
}

// wakeLane gives a lane work from now on, and holds its row.
func (l *Ledger) wakeLane(ctx context.Context, tx database.Tx, key []byte, queue string) error {
	_, err := l.DB.Exec(ctx, tx, l.sql.wakeLane, l.times(key, queue)...)
	return err
}

// insert stores an entry and sets its id unless it was there.
func (b *Inbox) insert(ctx context.Context, tx database.Tx, n *entry) (err error) {
	n.result.ID, err = b.DB.Insert(ctx, tx, b.sql.insertEvent, b.eventArgs(n)...)
	return err
}

// insertAlone is insert of the one event of a webhook, and wakes its lane, in
// one statement without a transaction around it.
func (b *Inbox) insertAlone(ctx context.Context, n *entry) (err error) {
	statement, args := b.sql.insertEvent, b.eventArgs(n)
	if n.state == Received {
		statement, args = b.sql.accept, append([]any{n.laneKey, b.o.Queue}, args...)
	}
	n.result.ID, err = b.DB.InsertUrgent(ctx, n.laneKey, statement, args...)
	return err
}

func (b *Inbox) eventArgs(n *entry) []any {
	var messageKey any // NULL where there is none
	if n.messageKey != nil {
		messageKey = n.messageKey
	}
	return b.times(n.eventKey, messageKey, n.laneKey,
		n.event.Platform, n.event.Tenant, n.event.ID, n.userKey, n.body, string(n.state), n.reason)
}
