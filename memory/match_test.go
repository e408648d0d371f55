package memory_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/memory"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        " ",
		"  ":                      " ",
		"Tea Time":                " tea time ",
		"tea-time, (now)!":        " tea time now ",
		"It's O’Neill":            " its oneill ",
		"ＦＵＬＬ　ｗｉｄｔｈ":              " full width ",
		"ÉCLAIR und e\u0301clair": " éclair und éclair ",
		"天气 预报。":                  " 天气 预报 ",
		"a\x01b\nc":               " a b c ",
		"c++ 🥇":                   " c++ 🥇 ",
	} {
		if got := memory.Fold(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		period       memory.Period
		at           string
		name         string
		starts, ends string
	}{
		{memory.Day, "2026-11-20T22:59:59Z", "day 2026-11-20", "2026-11-20T00:00:00+01:00", "2026-11-21T00:00:00+01:00"},
		{memory.Day, "2026-11-20T23:00:00Z", "day 2026-11-21", "2026-11-21T00:00:00+01:00", "2026-11-22T00:00:00+01:00"},
		{memory.Day, "2026-03-29T12:00:00Z", "day 2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"}, // 23 hours
		{memory.Week, "2026-11-22T22:00:00Z", "week 2026-11-16", "2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00"},
		{memory.Week, "2027-01-01T12:00:00Z", "week 2026-12-28", "2026-12-28T00:00:00+01:00", "2027-01-04T00:00:00+01:00"},
		{memory.Month, "2026-12-31T22:00:00Z", "month 2026-12-01", "2026-12-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"},
	} {
		got := tt.period.Span(at(tt.at), berlin)
		if got.Name != tt.name || !got.Starts.Equal(at(tt.starts)) || !got.Ends.Equal(at(tt.ends)) {
			t.Errorf("%s of %s: %+v", tt.period, tt.at, got)
		}
	}
	if got := memory.All.Span(time.Now(), berlin); got != (memory.Span{Name: "all"}) {
		t.Errorf("%+v", got)
	}
}
