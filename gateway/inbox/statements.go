package inbox

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/database"
)

// manyRows is how many rows the larger of the two forms of a statement writes
// at once on SQLite. Twice as many are no faster: its driver looks for each
// argument among all of them.
const manyRows = 8

// statements are the hot ones, parsed once.
type statements struct {
	engine           database.Engine
	lane, lanes      *database.Stmt // one row; many
	event, events    *database.Stmt
	findByEventKey   *database.Stmt
	findByMessageKey *database.Stmt
}

const (
	insertLane  = "INSERT INTO lanes (lane_key, queue, ready_at, updated_at) "
	insertEvent = "INSERT INTO events (event_key, message_key, lane_key, platform, tenant, event_id, user_key, " +
		"body, status, error, received_at, updated_at, steps) "
	laneRow1  = "(?, ?, ?, ?)"
	eventRow1 = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
)

func prepare(ctx context.Context, db *database.DB) (statements, error) {
	s := statements{engine: db.Engine()}
	lane, event := insertLane+"VALUES "+laneRow1, insertEvent+"VALUES "+eventRow1
	lanes := lane + strings.Repeat(", "+laneRow1, manyRows-1)
	events := event + strings.Repeat(", "+eventRow1, manyRows-1)
	// A lane that has work already is not written, only locked.
	laneThere := " ON CONFLICT (lane_key) DO UPDATE SET ready_at = excluded.ready_at WHERE lanes.ready_at IS NULL"
	eventThere := " ON CONFLICT DO NOTHING"
	switch db.Engine() {
	case database.MySQL:
		laneThere = " ON DUPLICATE KEY UPDATE ready_at = COALESCE(ready_at, VALUES(ready_at))"
		eventThere = " ON DUPLICATE KEY UPDATE event_key = event_key"
	case database.Postgres:
		lanes = insertLane + "SELECT k, ?, ?, ? FROM unnest(?::bytea[]) AS k ORDER BY k"
		events = insertEvent + `SELECT event_key, message_key, lane_key, platform, tenant, event_id, user_key, body, status, error, ?, ?, ''
			FROM unnest(?::bytea[], ?::bytea[], ?::bytea[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[])
			WITH ORDINALITY AS e (event_key, message_key, lane_key, platform, tenant, event_id, user_key, body, status, error, n)
			ORDER BY n`
		eventThere += " RETURNING id, event_key"
	case database.SQLite:
		// An error rolls back the whole transaction anyway. Without OR FAIL
		// SQLite keeps a journal for each statement of several rows.
		lanes = strings.Replace(lanes, "INSERT", "INSERT OR FAIL", 1)
		events = strings.Replace(events, "INSERT", "INSERT OR FAIL", 1)
	}
	for _, p := range []struct {
		stmt  **database.Stmt
		query string
	}{
		{&s.lane, lane + laneThere},
		{&s.lanes, lanes + laneThere},
		{&s.event, event + eventThere},
		{&s.events, events + eventThere},
		{&s.findByEventKey, "SELECT id, event_id, user_key, body FROM events WHERE event_id = ? AND event_key = ?"},
		{&s.findByMessageKey, "SELECT id, event_id, user_key FROM events WHERE message_key = ?"},
	} {
		var err error
		if *p.stmt, err = db.Prepare(ctx, p.query); err != nil {
			return s, err
		}
	}
	return s, nil
}

// wakeLanes gives lanes work from now on, and holds their rows.
func (s *statements) wakeLanes(ctx context.Context, tx database.Tx, queue string, lanes [][]byte, now int64) error {
	if s.engine == database.Postgres && len(lanes) > 0 {
		_, err := s.lanes.Exec(ctx, tx, queue, now, now, lanes)
		return err
	}
	for len(lanes) > 0 {
		stmt, n := s.lane, 1
		if s.engine == database.SQLite && len(lanes) >= manyRows {
			stmt, n = s.lanes, manyRows
		}
		args := make([]any, 0, 4*n)
		for _, key := range lanes[:n] {
			args = append(args, key, queue, now, now)
		}
		if _, err := stmt.Exec(ctx, tx, args...); err != nil {
			return err
		}
		lanes = lanes[n:]
	}
	return nil
}

// insertEvents stores entries and sets the ids of those that were not there.
func (s *statements) insertEvents(ctx context.Context, tx database.Tx, entries []*entry, now int64) error {
	if s.engine == database.Postgres {
		return s.insertArrays(ctx, tx, entries, now)
	}
	for len(entries) > 0 {
		insert, n := s.insertOne, 1
		if s.engine == database.SQLite && len(entries) >= manyRows {
			insert, n = s.insertMany, manyRows
		}
		if err := insert(ctx, tx, entries[:n], now); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func eventArgs(entries []*entry, now int64) []any {
	args := make([]any, 0, 12*len(entries))
	for _, n := range entries {
		var messageKey any
		if n.messageKey != nil {
			messageKey = n.messageKey
		}
		args = append(args, n.eventKey, messageKey, n.laneKey, n.event.Platform, n.event.Tenant, n.event.ID, n.userKey,
			n.body, string(n.state), n.reason, now, now)
	}
	return args
}

func (s *statements) insertOne(ctx context.Context, tx database.Tx, entries []*entry, now int64) (err error) {
	entries[0].result.ID, err = s.event.Insert(ctx, tx, eventArgs(entries, now)...)
	return err
}

// insertMany inserts several rows on SQLite, which numbers them in their order.
func (s *statements) insertMany(ctx context.Context, tx database.Tx, entries []*entry, now int64) error {
	added, last, err := s.events.InsertMany(ctx, tx, eventArgs(entries, now)...)
	if err != nil {
		return err
	}
	first := last - added + 1
	if added == int64(len(entries)) {
		for i, n := range entries {
			n.result.ID = first + int64(i)
		}
		return nil
	}
	// Some were there already: ask which were not.
	taken := map[int64]bool{}
	for _, n := range entries {
		var id int64
		var ignore string
		err := s.findByEventKey.QueryRow(ctx, tx, []any{&id, &ignore, &ignore, &ignore}, n.event.ID, n.eventKey)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil && id >= first && added > 0 && !taken[id] {
			n.result.ID, taken[id] = id, true
		}
	}
	return nil
}

// insertArrays inserts any number of rows on PostgreSQL.
func (s *statements) insertArrays(ctx context.Context, tx database.Tx, entries []*entry, now int64) error {
	var keys [3][][]byte
	var texts [7][]string
	byKey := make(map[string]*entry, len(entries))
	for _, n := range slices.Backward(entries) { // the first of twins is the one that is stored
		byKey[string(n.eventKey)] = n
	}
	for _, n := range entries {
		for i, key := range [...][]byte{n.eventKey, n.messageKey, n.laneKey} {
			keys[i] = append(keys[i], key)
		}
		for i, text := range [...]string{n.event.Platform, n.event.Tenant, n.event.ID, n.userKey, n.body, string(n.state), n.reason} {
			texts[i] = append(texts[i], text)
		}
	}
	return s.events.Query(ctx, tx, func(rows *sql.Rows) error {
		var id int64
		var key []byte
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		byKey[string(key)].result.ID = id
		return nil
	}, now, now, keys[0], keys[1], keys[2], texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6])
}
