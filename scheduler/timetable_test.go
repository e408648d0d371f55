package scheduler

import (
	"testing"
	"time"
)

func TestSchedulesThatCanBeRead(t *testing.T) {
	t.Parallel()
	for cron, ok := range map[string]bool{
		"0 3 * * *": true, "30 3 * * 0": true, "*/5 * * * *": true, "@hourly": true,
		"0 3 * *": false, "61 * * * *": false, "0 0 31 2 *": false, "every day": false,
		"@every 5m": false, "* * * * * *": false,
	} {
		if _, err := newTimetable(cron, time.UTC); (err == nil) != ok {
			t.Errorf("%q: %v", cron, err)
		}
	}
}

func at(text string) time.Time {
	when, err := time.Parse("01-02 15:04:05.000", text)
	if err != nil {
		panic(err)
	}
	return when.AddDate(2026, 0, 0)
}

func TestTimetableTakesTheTimeThatWasMeant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, started, fires, slot, next string }{
		{"a little late", "03-01 00:00:00.000", "03-01 01:00:00.004", "03-01 01:00:00.000", "03-01 02:00:00.000"},
		{"a little early", "03-01 00:00:00.000", "03-01 00:59:59.990", "03-01 01:00:00.000", "03-01 02:00:00.000"},
		{"clock set back", "03-01 00:30:00.000", "03-01 00:10:00.000", "03-01 01:00:00.000", "03-01 02:00:00.000"},
		{"machine slept", "03-01 00:00:00.000", "03-01 04:20:00.000", "03-01 04:00:00.000", "03-01 05:00:00.000"},
		{"started just before", "03-01 00:59:59.999", "03-01 02:00:00.001", "03-01 02:00:00.000", "03-01 03:00:00.000"},
	} {
		table, err := newTimetable("0 * * * *", time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		table.start(at(tt.started))
		if got := table.take(at(tt.fires)); !got.Equal(at(tt.slot)) || !table.next.Equal(at(tt.next)) {
			t.Errorf("%s: took %v, then %v", tt.name, got, table.next)
		}
	}
}

// When the clocks go forward and back, each day has one run.
func TestTimetableSummerTime(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	table, err := newTimetable("0 3 * * *", berlin)
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"2026-03-27T12:00:00Z": "2026-03-28T02:00:00Z", // still winter time
		"2026-03-29T12:00:00Z": "2026-03-30T01:00:00Z", // summer time
		"2026-10-25T12:00:00Z": "2026-10-26T02:00:00Z",
	} {
		now, err := time.Parse(time.RFC3339, from)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.after(now).UTC().Format(time.RFC3339); got != want {
			t.Errorf("after %s: %s, want %s", from, got, want)
		}
	}
}
