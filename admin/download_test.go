package admin

import (
	"testing"
	"time"
)

// A download goes on as long as somebody reads it, and not much longer.
func TestDownloadEnds(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		after time.Duration
		taken int64
		want  time.Duration // after the start
	}{
		{0, 0, time.Minute},
		{50 * time.Second, 0, time.Minute},                                // it took nothing: a minute in all
		{50 * time.Second, 1 << 20, 92 * time.Second},                     // a second more for each 32 KiB
		{time.Hour, 1 << 30, time.Hour + time.Minute},                     // fast enough: a minute for the next piece
		{90 * time.Second, 20 << 10, time.Minute},                         // over already
		{time.Minute, 1 << 44, 2 * time.Minute},                           // and no overflow
		{10 * time.Minute, 100 * 32 << 10, time.Minute + 100*time.Second}, // a trickle
	} {
		d := download{start: start, taken: c.taken, now: func() time.Time { return start.Add(c.after) }}
		if got := d.deadline().Sub(start); got != c.want {
			t.Errorf("after %s with %d bytes: until %s, want %s", c.after, c.taken, got, c.want)
		}
	}
}
