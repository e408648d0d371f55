package inbox

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// hasOpen is true in SQL when the lane ? has open events.
const hasOpen = "EXISTS (SELECT 1 FROM events WHERE lane_key = ? AND " + open + ")"

// oldestOpen returns the oldest open events of a lane.
func (b *Inbox) oldestOpen(ctx context.Context, db database.Reader, lane []byte) ([]row, error) {
	return b.rows(ctx, db, "lane_key = ? AND "+open+" ORDER BY id LIMIT ?", lane, MaxBatch)
}
