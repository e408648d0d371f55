package inbox

import (
	"context"
	"strconv"

	"github.com/parley-bot/parley/internal/database"
)

// hasOpen is true in SQL when the lane ? has open events.
const hasOpen = "EXISTS (SELECT 1 FROM events WHERE lane_key = ? AND " + open + ")"

// oldestOpen returns the oldest open events of a lane.
func (b *Inbox) oldestOpen(ctx context.Context, db database.Reader, lane []byte) ([]row, error) {
	// As an argument the limit would have SQLite parse the statement anew for each other value.
	return b.rows(ctx, db, "lane_key = ? AND "+open+" ORDER BY id LIMIT "+strconv.Itoa(MaxBatch), lane)
}
