package scheduler

import (
	"strings"
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

// Case 50 of what was reported of other gateways: a job in the hour that
// daylight saving skips runs once, right after the jump, and one in the hour
// that comes twice runs once, the first time.
func TestCase50CronThroughDaylightSaving(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ zone, cron, from, want string }{
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "03-29T01:00:00Z 03-30T00:30:00Z"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "10-25T00:30:00Z 10-26T01:30:00Z"},
		{"Europe/Berlin", "0 2 29 3 *", "2026-03-28T12:00:00Z", "03-29T01:00:00Z"},
		{"Europe/Berlin", "*/20 * * * *", "2026-03-29T00:30:00Z", "03-29T00:40:00Z 03-29T01:00:00Z 03-29T01:20:00Z"},
		{"Europe/Berlin", "0 * * * *", "2026-10-24T23:30:00Z", "10-25T00:00:00Z 10-25T02:00:00Z"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-25T01:00:00Z", "10-26T01:30:00Z"}, // in the second of the two hours
		{"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", "03-08T07:00:00Z 03-09T06:30:00Z"},
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "11-01T05:30:00Z 11-02T06:30:00Z"},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", "10-03T15:30:00Z 10-04T15:15:00Z"}, // half an hour
		{"Africa/Cairo", "0 0 * * *", "2026-04-23T12:00:00Z", "04-23T22:00:00Z 04-24T21:00:00Z"},         // at midnight
		{"UTC", "30 2 * * *", "2026-03-28T12:00:00Z", "03-29T02:30:00Z"},
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		table, err := newTimetable(tt.cron, zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, tt.from)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for range strings.FieldsSeq(tt.want) {
			now = table.after(now)
			got = append(got, now.UTC().Format("01-02T15:04:05Z"))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s %q after %s: %v, want %s", tt.zone, tt.cron, tt.from, got, tt.want)
		}
	}
}
