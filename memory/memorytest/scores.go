package memorytest

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/memory"
)

func kudos(p memory.Person, name string, n int64) memory.Change {
	return memory.AddScore{Place: group, Board: memory.Kudos, Person: p, Name: name, N: n}
}

func scores(t *testing.T, b *bench) {
	for i := range int64(3) {
		if r := b.one(t, kudos(alice, "", 2)); !r.Done || r.Total != 2*(i+1) {
			t.Errorf("%+v, want a total of %d", r, 2*(i+1))
		}
	}
	if r := b.one(t, kudos(alice, "", -1)); r.Total != 5 {
		t.Errorf("%+v", r)
	}
	if r := b.one(t, kudos(bob, "", 0)); !r.Done || r.Total != 0 {
		t.Errorf("nothing: %+v", r)
	}
	// Boards do not mix, and the same one twice in a call is added up.
	b.do(t, noon, memory.AddScore{Place: group, Board: memory.Messages, Person: alice, N: 1},
		memory.AddScore{Place: group, Board: memory.Tokens, Person: alice, N: 70},
		memory.AddScore{Place: group, Board: memory.Tokens, Person: alice, N: 30})
	for board, want := range map[memory.Board]int64{memory.Kudos: 5, memory.Messages: 1, memory.Tokens: 100} {
		if n := must[int64](t)(b.Score(t.Context(), group, board, alice)); n != want {
			t.Errorf("%s: %d, want %d", board, n, want)
		}
	}
	if n := must[int64](t)(b.Score(t.Context(), group, memory.Kudos, bob)); n != 0 {
		t.Errorf("bob has %d", n)
	}
}

func scoresOnce(t *testing.T, b *bench) {
	for range 3 {
		if r := b.as(t, "e1", noon, kudos(alice, "", 1))[0]; !r.Done || r.Total != 1 {
			t.Errorf("%+v", r)
		}
	}
	b.as(t, "e2", noon, kudos(alice, "", 1))
	if r := b.as(t, "e1", noon, kudos(alice, "", 1))[0]; !r.Done || r.Total != 2 {
		t.Errorf("again, after another: %+v", r)
	}
}

func scoreLimits(t *testing.T, b *bench) {
	refused(t, b.one(t, memory.AddScore{Place: group, Board: "wins", Person: alice, N: 1}), "unknown_board")
	refused(t, b.one(t, memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 1, By: bob, Reason: strings.Repeat("r", memory.MaxReasonBytes+1)}), "reason_too_long")
	refused(t, b.one(t, memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 1, Reason: "nobody's"}), "invalid_person")
	refused(t, b.one(t, memory.AddScore{Place: group, Board: memory.Kudos, N: 1}), "invalid_person")
	refused(t, b.one(t, memory.CountCommand{Name: ""}), "invalid_command")
	if n := must[int64](t)(b.Score(t.Context(), group, memory.Kudos, alice)); n != 0 {
		t.Errorf("refused, and %d points", n)
	}
}

// board returns what the board shows as "name=points …".
func (b *bench) board(t *testing.T, p memory.Period, now time.Time) string {
	t.Helper()
	var list []string
	for _, l := range must[[]memory.Leader](t)(b.Leaders(t.Context(), group, memory.Kudos, p, now, 10)) {
		list = append(list, fmt.Sprintf("%s=%d", l.Name, l.Points))
	}
	return strings.Join(list, " ")
}

func periods(t *testing.T, b *bench) {
	for at, n := range map[string]int64{
		"2026-11-20T23:59:59Z": 1,     // Friday
		"2026-11-16T00:00:00Z": 10,    // Monday
		"2026-11-15T23:59:59Z": 100,   // the Sunday before
		"2026-10-31T23:59:59Z": 1_000, // the month before
		"2025-11-20T12:00:00Z": 10_000,
	} {
		when := must[time.Time](t)(time.Parse(time.RFC3339, at))
		b.do(t, when, kudos(alice, "A", n))
	}
	for p, want := range map[memory.Period]string{
		memory.Day: "A=1", memory.Week: "A=11", memory.Month: "A=111", memory.All: "A=11111",
	} {
		if got := b.board(t, p, noon); got != want {
			t.Errorf("%s: %s, want %s", p, got, want)
		}
	}
	if got := b.board(t, memory.Day, noon.AddDate(0, 0, 1)); got != "" {
		t.Errorf("tomorrow: %s", got)
	}
}

// zones runs eight hours east of Greenwich.
func zones(t *testing.T, b *bench) {
	b.do(t, time.Date(2026, 11, 20, 15, 59, 0, 0, time.UTC), kudos(alice, "A", 1)) // Friday 23:59
	b.do(t, time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC), kudos(alice, "A", 10)) // Saturday 00:00
	if got := b.board(t, memory.Day, noon); got != "A=1" {
		t.Errorf("Friday: %s", got)
	}
	if got := b.board(t, memory.Day, noon.Add(5*time.Hour)); got != "A=10" {
		t.Errorf("Saturday: %s", got)
	}
}

func leaders(t *testing.T, b *bench) {
	if got := b.board(t, memory.All, noon); got != "" {
		t.Errorf("an empty board: %s", got)
	}
	for i := range 12 {
		p := memory.Person{Tenant: "T1", Platform: "slack", SenderID: fmt.Sprint("P", i)}
		b.one(t, kudos(p, fmt.Sprintf("n%02d", 11-i), int64(i/4+1)))
	}
	b.one(t, kudos(memory.Person{Tenant: "T1", Platform: "slack", SenderID: "minus"}, "minus", -5))
	want := "n00=3 n01=3 n02=3 n03=3 n04=2 n05=2 n06=2 n07=2 n08=1 n09=1"
	for _, p := range memory.Periods() {
		if got := b.board(t, p, noon); got != want {
			t.Errorf("%s:\n got %s\nwant %s", p, got, want)
		}
	}
	if list := must[[]memory.Leader](t)(b.Leaders(t.Context(), group, memory.Kudos, memory.All, noon, 3)); len(list) != 3 {
		t.Errorf("asked for 3: %v", list)
	}
}

func reasons(t *testing.T, b *bench) {
	give := func(i int) memory.Change {
		return memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 1, Reason: fmt.Sprint("reason ", i), By: bob}
	}
	total := memory.MaxReasons + 10
	for i := range total {
		for range 2 {
			b.as(t, fmt.Sprint("give ", i), noon.Add(time.Duration(i)*time.Second), give(i))
		}
	}
	b.one(t, kudos(alice, "", 1))
	list := must[[]memory.Reason](t)(b.Reasons(t.Context(), group, alice, 100))
	want := make([]memory.Reason, memory.MaxReasons)
	for i := range want {
		n := total - 1 - i
		want[i] = memory.Reason{Text: fmt.Sprint("reason ", n), At: noon.Add(time.Duration(n) * time.Second)}
	}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("got %d: %+v", len(list), list)
	}
	if list := must[[]memory.Reason](t)(b.Reasons(t.Context(), group, alice, 3)); !reflect.DeepEqual(list, want[:3]) {
		t.Errorf("three: %+v", list)
	}
	if list := must[[]memory.Reason](t)(b.Reasons(t.Context(), memory.Private(alice), alice, 3)); len(list) != 0 {
		t.Errorf("elsewhere: %+v", list)
	}
	if f := must[memory.Footprint](t)(b.Footprint(t.Context(), bob)); f.Reasons != int64(memory.MaxReasons) {
		t.Errorf("%d reasons are known of who gave them", f.Reasons)
	}
}

func commandUses(t *testing.T, b *bench) {
	for i, name := range []string{"help", "save", "save", "stats", "stats"} {
		for range 2 {
			b.as(t, fmt.Sprint("use ", i), noon, memory.CountCommand{Realm: alice.Realm(), Name: name})
		}
	}
	got := must[[]memory.Use](t)(b.CommandUses(t.Context(), alice.Realm()))
	want := []memory.Use{{Name: "save", Count: 2}, {Name: "stats", Count: 2}, {Name: "help", Count: 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, r := range []memory.Realm{{Tenant: "t1", Platform: "slack"}, {Tenant: "T1", Platform: "feishu"}, {Platform: "slack"}} {
		if got := must[[]memory.Use](t)(b.CommandUses(t.Context(), r)); len(got) != 0 {
			t.Errorf("another realm %+v: %+v", r, got)
		}
	}
}

const (
	workers = 64
	rounds  = 25 // each is up to four requests
)

// parallel makes a change from 64 goroutines, each so often, every one of them twice.
// They go round by round: DynamoDB remembers a bounded number of changes, and a
// goroutine left behind by many rounds would repeat one that it has forgotten.
func (b *bench) parallel(t *testing.T, c memory.Change) {
	t.Helper()
	for i := range rounds {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() { b.twice(t, memory.Effect{ID: fmt.Sprint("worker ", w, " round ", i), At: noon}, c) })
		}
		wg.Wait()
	}
}

// twice makes a change and repeats it.
func (b *bench) twice(t *testing.T, e memory.Effect, c memory.Change) {
	t.Helper()
	for range 2 {
		if _, err := Apply(t.Context(), b.db, b, e, c); err != nil {
			t.Error(err)
			return
		}
	}
}

func parallelScores(t *testing.T, b *bench) {
	b.parallel(t, kudos(alice, "A", 1))
	want := fmt.Sprintf("A=%d", workers*rounds)
	for _, p := range memory.Periods() {
		if got := b.board(t, p, noon); got != want {
			t.Errorf("%s: %s, want %s", p, got, want)
		}
	}
	if n := must[int64](t)(b.Score(t.Context(), group, memory.Kudos, alice)); n != int64(workers*rounds) {
		t.Errorf("%d points, want %d", n, workers*rounds)
	}
}

func parallelUses(t *testing.T, b *bench) {
	b.parallel(t, memory.CountCommand{Realm: alice.Realm(), Name: "help"})
	got := must[[]memory.Use](t)(b.CommandUses(t.Context(), alice.Realm()))
	if !reflect.DeepEqual(got, []memory.Use{{Name: "help", Count: workers * rounds}}) {
		t.Errorf("got %+v", got)
	}
}

func trim(t *testing.T, b *bench) {
	old := noon.Add(-memory.KeepPeriods).AddDate(0, 0, -2)
	b.do(t, old, kudos(alice, "A", 1))
	b.do(t, noon, kudos(alice, "A", 10))
	if err := b.Trim(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[memory.Period]string{memory.Day: "", memory.All: "A=11"} {
		if got := b.board(t, p, old); got != want {
			t.Errorf("%s of then: %s, want %s", p, got, want)
		}
	}
	for _, p := range []memory.Period{memory.Day, memory.Week, memory.Month} {
		if got := b.board(t, p, noon); got != "A=10" {
			t.Errorf("%s of now: %s", p, got)
		}
	}
	if err := b.Trim(t.Context(), noon.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[memory.Period]string{memory.Day: "", memory.Week: "", memory.Month: "", memory.All: "A=11"} {
		if got := b.board(t, p, noon); got != want {
			t.Errorf("%s a year later: %s, want %s", p, got, want)
		}
	}
}
