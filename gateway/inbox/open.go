package inbox

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// On the servers the index events_open is (lane_key, id). SQLite has one
// writer, and for it each event would dirty a page of its own there, which
// costs a third of the intake. Its index is (id >> 10, lane_key): new events
// of whatever lanes go to the few pages of the newest slot, a range of 1,024
// ids. Who looks for a lane's events goes through the slots that have open
// events at all, of which there is one for each 1,024 that wait.

// openSlots makes the open slots available as a table, oldest first: one step
// in the index for each.
const openSlots = `WITH RECURSIVE slots (n) AS (
		SELECT (SELECT id >> 10 FROM events WHERE ` + open + ` ORDER BY id >> 10 LIMIT 1)
		UNION ALL
		SELECT (SELECT id >> 10 FROM events WHERE ` + open + ` AND id >> 10 > slots.n ORDER BY id >> 10 LIMIT 1)
		FROM slots WHERE slots.n IS NOT NULL
	) `

// hasOpen is true in SQL when the lane ? has open events.
func (b *Inbox) hasOpen() string {
	if b.DB.Engine() == database.SQLite {
		return "EXISTS (" + openSlots + "SELECT 1 FROM slots CROSS JOIN events WHERE events.id >> 10 = slots.n AND lane_key = ? AND " + open + ")"
	}
	return "EXISTS (SELECT 1 FROM events WHERE lane_key = ? AND " + open + ")"
}

// slots returns the open slots on SQLite, nil on the servers.
func (b *Inbox) slots(ctx context.Context, db bun.IDB) (slots []int64, err error) {
	if b.DB.Engine() != database.SQLite {
		return nil, nil
	}
	// n >= 0 is n IS NOT NULL, with the argument for whose sake the statement is kept.
	err = b.DB.Query(ctx, db, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		slots = append(slots, n)
		return err
	}, openSlots+"SELECT n FROM slots WHERE n >= ? ORDER BY n", 0)
	return slots, err
}

// oldestOpen returns the oldest open events of a lane.
func (b *Inbox) oldestOpen(ctx context.Context, db bun.IDB, lane []byte, slots []int64) (rows []row, err error) {
	const where = "lane_key = ? AND " + open
	// As an argument it would have SQLite parse the statement anew for each other value.
	limit := " ORDER BY id LIMIT " + strconv.Itoa(MaxBatch)
	if b.DB.Engine() != database.SQLite {
		return b.rows(ctx, db, where+limit, lane)
	}
	for _, slot := range slots {
		more, err := b.rows(ctx, db, where+" AND id >> 10 = ?"+limit, lane, slot)
		if rows = append(rows, more...); err != nil || len(rows) >= MaxBatch {
			return rows[:min(len(rows), MaxBatch)], err
		}
	}
	return rows, nil
}
