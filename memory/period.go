package memory

import (
	"math"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Periods are all there are, the longest first.
func Periods() []Period { return []Period{All, Month, Week, Day} }

// Span is one day, week or month, or all time.
type Span struct {
	Name   string    // unique among all spans: "day 2026-11-20"
	Starts time.Time // zero = with the first point
	Ends   time.Time // when it is over; zero = never
}

// Span returns the period's span that t lies in, by the clocks of the zone.
func (p Period) Span(t time.Time, zone *time.Location) Span {
	y, m, d := t.In(zone).Date()
	switch p {
	case Day:
		return p.span(time.Date(y, m, d, 0, 0, 0, 0, zone), 0, 1)
	case Week:
		sinceMonday := (int(t.In(zone).Weekday()) + 6) % 7
		return p.span(time.Date(y, m, d-sinceMonday, 0, 0, 0, 0, zone), 0, 7)
	case Month:
		return p.span(time.Date(y, m, 1, 0, 0, 0, 0, zone), 1, 0)
	case All:
	}
	return Span{Name: string(All)}
}

func (p Period) span(start time.Time, months, days int) Span {
	return Span{
		Name:   string(p) + " " + start.Format(time.DateOnly),
		Starts: start, Ends: start.AddDate(0, months, days),
	}
}

// days returns the days of the span, from the first to before the last. Those
// that were put together, day 0, are of all time only.
func (s Span) days(zone *time.Location) (from, to int64) {
	if s.Ends.IsZero() {
		return 0, math.MaxInt64
	}
	const noon = 12 * time.Hour // there is no midnight on some days
	return dayOf(s.Starts.Add(noon), zone), dayOf(s.Ends.Add(noon), zone)
}

const secondsOfDay = 24 * 60 * 60

// dayOf numbers the day that t lies in by the clocks of the zone, from 1970-01-01.
func dayOf(t time.Time, zone *time.Location) int64 {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay
}

// BoardKey hashes a place, a board and a span, for a backend that keeps no
// columns of them.
func BoardKey(at Place, b Board, s Span) []byte {
	return boardKey(at.Hash(), b, s)
}

// MessagesKey returns the BoardKey of all messages in the place with that hash:
// who has points under it has written there.
func MessagesKey(place []byte) []byte { return boardKey(place, Messages, Span{Name: string(All)}) }

func boardKey(place []byte, b Board, s Span) []byte {
	return database.Hash("board", string(place), string(b), s.Name)
}
