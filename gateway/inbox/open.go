package inbox

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// hasOpen is true in SQL when the lane ? has open events.
const hasOpen = "EXISTS (SELECT 1 FROM events WHERE lane_key = ? AND " + open + ")"

// lookAhead is how many of a lane's events are put in the order in which they were
// said: as many as may have come in before one that belongs in front of them.
const lookAhead = 4 * MaxBatch

// oldestOpen returns the open events of a lane that came in first.
func (l *Ledger) oldestOpen(ctx context.Context, db database.Reader, lane []byte) ([]row, error) {
	return l.rows(ctx, db, "lane_key = ? AND "+open+" ORDER BY id LIMIT ?", lane, lookAhead)
}

// nextOpen returns the open events of a lane that are to be answered next, in the
// order in which they were said.
func (l *Ledger) nextOpen(ctx context.Context, db database.Reader, lane []byte) ([]Event, error) {
	rows, err := l.oldestOpen(ctx, db, lane)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i := range rows {
		if events[i], err = rows[i].event(); err != nil {
			return nil, err
		}
	}
	asSaid(events)
	return events[:min(len(events), MaxBatch)], nil
}
