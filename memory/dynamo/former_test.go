package dynamo_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
)

// Points that earlier versions have written by day, week, month and of all time
// count on, and what comes is counted by day and of all time only.
func TestPointsOfEarlierVersions(t *testing.T) {
	t.Parallel()
	s := open(t, time.UTC)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) // a Friday
	alice := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
	group := memory.Place{Tenant: "T1", Platform: "slack", Group: true, ID: "C1"}
	former := map[string]int64{}
	for at, n := range map[time.Time]int64{now: 1, now.AddDate(0, 0, -2): 10, now.AddDate(0, 0, -10): 100, now.AddDate(-1, 0, 0): 1000} {
		for _, p := range memory.Periods() {
			if span := p.Span(at, time.UTC); span.Ends.IsZero() || span.Ends.After(now.Add(-memory.KeepPeriods)) {
				former[span.Name] += n
			}
		}
	}
	var records []json.RawMessage
	for span, n := range former {
		board := fmt.Sprintf("%x", memory.BoardKey(group, memory.Kudos, memory.Span{Name: span}))
		record := map[string]map[string]string{
			"pk": {"S": fmt.Sprintf("person#%x", alice.Hash())}, "sk": {"S": "score#" + board}, "board": {"S": board},
			"points": {"N": fmt.Sprint(n)}, "name": {"S": "Alice"}, "place": {"S": fmt.Sprintf("%x", group.Hash())},
		}
		if span != string(memory.All) {
			record["span"] = map[string]string{"S": span}
		}
		text, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, text)
	}
	if err := s.Parts()[0].Add(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	check := func(when string, want map[memory.Period]int64) {
		t.Helper()
		for p, n := range want {
			list, err := s.Leaders(t.Context(), group, memory.Kudos, p, now, 10)
			if err != nil || !slices.Equal(list, []memory.Leader{{Name: "Alice", Points: n}}) {
				t.Errorf("%s, %s: %v, %v; want %d", when, p, list, err, n)
			}
		}
	}
	check("before", map[memory.Period]int64{memory.Day: 1, memory.Week: 11, memory.Month: 111, memory.All: 1111})
	add := memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, Name: "Alice", N: 5}
	for range 2 {
		r, err := memorytest.Apply(t.Context(), nil, s, memory.Effect{ID: "e", At: now}, add)
		if err != nil || r[0].Total != 1116 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	check("after", map[memory.Period]int64{memory.Day: 6, memory.Week: 16, memory.Month: 116, memory.All: 1116})
	if n, err := s.Parts()[0].Count(t.Context()); err != nil || n != int64(len(records)) {
		t.Errorf("%d items, %v; want the %d there were", n, err, len(records))
	}
	if err := s.Trim(t.Context(), now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	check("trimmed", map[memory.Period]int64{memory.All: 1116})
	if n, err := s.Parts()[0].Count(t.Context()); err != nil || n != 1 {
		t.Errorf("%d items are left, %v", n, err)
	}
}
