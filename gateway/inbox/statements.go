package inbox

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// statements are the hot ones, parsed once.
type statements struct {
	insertEvent      *database.Stmt
	upsertLane       *database.Stmt
	findByEventKey   *database.Stmt
	findByMessageKey *database.Stmt
}

func prepare(ctx context.Context, db *database.DB) (statements, error) {
	var s statements
	event := `INSERT INTO events (event_key, message_key, lane_key, platform, tenant, event_id, user_key,
		body, status, error, received_at, updated_at, steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`
	lane := `INSERT INTO lanes (lane_key, queue, ready_at, updated_at) VALUES (?, ?, ?, ?)`
	if db.Engine() == database.MySQL {
		event += " ON DUPLICATE KEY UPDATE event_key = event_key"
		lane += " ON DUPLICATE KEY UPDATE ready_at = COALESCE(ready_at, VALUES(ready_at))"
	} else {
		event += " ON CONFLICT DO NOTHING"
		// A lane that has work already is not written, only locked.
		lane += " ON CONFLICT (lane_key) DO UPDATE SET ready_at = excluded.ready_at WHERE lanes.ready_at IS NULL"
	}
	if db.Engine() == database.Postgres {
		event += " RETURNING id"
	}
	for _, p := range []struct {
		stmt  **database.Stmt
		query string
	}{
		{&s.insertEvent, event},
		{&s.upsertLane, lane},
		{&s.findByEventKey, "SELECT id, event_id, user_key FROM events WHERE event_id = ? AND event_key = ?"},
		{&s.findByMessageKey, "SELECT id, event_id, user_key FROM events WHERE message_key = ?"},
	} {
		var err error
		if *p.stmt, err = db.Prepare(ctx, p.query); err != nil {
			return s, err
		}
	}
	return s, nil
}
