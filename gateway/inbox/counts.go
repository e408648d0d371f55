package inbox

import (
	"context"
	"time"
)

// maxCount bounds how far anything is counted, so that a look at a huge backlog
// costs no more than one at a large one.
const maxCount = 100_000

// Counts are how the ledger stands. No count goes beyond 100,000.
type Counts struct {
	Waiting int64 // events that wait for their turn or their next attempt, those being answered included
	Running int64 // conversations being answered, on all replicas
	Failed  int64 // events that wait for their next attempt
	Dead    int64 // events given up on
	// Quarantined are conversations that wait apart because their process died.
	Quarantined int64
	// Oldest is how long the conversation that waits longest has been ready
	// without being taken up, or the oldest failed event has been here,
	// whichever is longer.
	Oldest time.Duration
}

// Count looks at indexes alone and does not disturb writers.
func (b *Inbox) Count(ctx context.Context) (c Counts, err error) {
	now, err := b.DB.Clock(ctx, b.DB.Read())
	if err != nil {
		return c, err
	}
	var apart, ready, failed int64
	lanes := func(where string) string {
		return "SELECT count(*) FROM (SELECT 1 FROM lanes WHERE queue = ? AND " + where + " LIMIT ?) AS few"
	}
	for _, q := range []struct {
		into *int64
		text string
		args []any
	}{
		{&c.Waiting, "SELECT count(*) FROM (SELECT 1 FROM events WHERE " + open + " LIMIT ?) AS few", []any{maxCount}},
		{&c.Failed, "SELECT count(*) FROM (SELECT 1 FROM events WHERE " + odd + " AND status = ? LIMIT ?) AS few", []any{string(Failed), maxCount}},
		{&c.Dead, "SELECT count(*) FROM (SELECT 1 FROM events WHERE " + odd + " AND status = ? LIMIT ?) AS few", []any{string(Dead), maxCount}},
		{&c.Running, lanes("crashes = 0 AND ready_at > ? AND lease_owner <> ''"), []any{b.o.Queue, now, maxCount}},
		{&apart, lanes("crashes > 0 AND ready_at > ? AND lease_owner <> ''"), []any{b.o.Queue, now, maxCount}},
		{&c.Quarantined, lanes("crashes > 0 AND ready_at <= ?"), []any{b.o.Queue, now, maxCount}},
		{&ready, "SELECT COALESCE(min(ready_at), 0) FROM lanes WHERE queue = ? AND crashes = 0 AND ready_at <= ?", []any{b.o.Queue, now}},
		{
			&failed, "SELECT COALESCE(min(received_at), 0) FROM (SELECT received_at FROM events WHERE " + odd + " AND status = ? ORDER BY id LIMIT 1) AS first",
			[]any{string(Failed)},
		},
	} {
		if err := b.DB.QueryRow(ctx, b.DB.Read(), []any{q.into}, q.text, q.args...); err != nil {
			return c, err
		}
	}
	c.Running += apart
	for _, since := range []int64{ready, failed} {
		if since > 0 {
			c.Oldest = max(c.Oldest, time.Duration(now-since)*time.Microsecond)
		}
	}
	return c, nil
}
