package inbox

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// dialect holds the statements that the engines write differently.
type dialect struct {
	// wakeLane gives a lane work from now on, and holds its row. A lane that has
	// work already is not written, only locked.
	wakeLane string
	// insertEvent stores an event unless it is there.
	insertEvent string
	// appendStep adds a line to an event's steps.
	appendStep string
	// moment is an argument that is a time, where its type cannot be told.
	moment string
}

func dialectOf(engine database.Engine) dialect {
	const (
		lane  = "INSERT INTO lanes (lane_key, queue, ready_at, updated_at) VALUES (?, ?, ?, ?)"
		event = "INSERT INTO events (event_key, message_key, lane_key, platform, tenant, event_id, user_key, " +
			"body, status, error, received_at, updated_at, steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
	)
	d := dialect{
		wakeLane:    lane + " ON CONFLICT (lane_key) DO UPDATE SET ready_at = excluded.ready_at WHERE lanes.ready_at IS NULL",
		insertEvent: event + " ON CONFLICT DO NOTHING",
		appendStep:  "steps || ?",
		moment:      "?",
	}
	switch engine {
	case database.SQLite:
	case database.Postgres:
		d.moment = "CAST(? AS BIGINT)"
	case database.MySQL:
		d.wakeLane = lane + " ON DUPLICATE KEY UPDATE ready_at = COALESCE(ready_at, VALUES(ready_at))"
		d.insertEvent = event + " ON DUPLICATE KEY UPDATE event_key = event_key"
		d.appendStep = "CONCAT(steps, ?)"
	}
	return d
}

// wakeLanes gives lanes work from now on, and holds their rows.
func (b *Inbox) wakeLanes(ctx context.Context, tx database.Tx, lanes [][]byte, now int64) error {
	for _, key := range lanes {
		if _, err := b.DB.Exec(ctx, tx, b.sql.wakeLane, key, b.Queue, now, now); err != nil {
			return err
		}
	}
	return nil
}

// insertEvents stores entries and sets the ids of those that were not there.
func (b *Inbox) insertEvents(ctx context.Context, tx database.Tx, entries []*entry, now int64) (err error) {
	for _, n := range entries {
		var messageKey any // NULL where there is none
		if n.messageKey != nil {
			messageKey = n.messageKey
		}
		n.result.ID, err = b.DB.Insert(ctx, tx, b.sql.insertEvent, n.eventKey, messageKey, n.laneKey,
			n.event.Platform, n.event.Tenant, n.event.ID, n.userKey, n.body, string(n.state), n.reason, now, now)
		if err != nil {
			return err
		}
	}
	return nil
}
