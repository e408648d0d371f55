package memorytest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// parts takes what a backup holds of one backend to another, which must then
// answer everything as the first does.
func parts(t *testing.T, from, to *bench) {
	t.Helper()
	carol := memory.Person{Tenant: "T2", Platform: "slack", SenderID: "U3"}
	from.do(t, noon, memory.Seen{Person: alice, Name: "Alice"}, memory.Seen{Person: bob, Name: ""}, memory.Seen{Person: carol, Name: "Carol"},
		memory.SetPreference{Person: alice, Key: "city", Value: "Paris"}, memory.SetPreference{Person: alice, Key: "tea", Value: "  green\n 绿 "},
		memory.Remember{Place: group, Key: "wifi", Value: "the password is tea", Author: alice},
		memory.Remember{Place: memory.Private(bob), Key: "door", Value: "1234", Author: bob},
		memory.Remember{Place: memory.Private(bob), Key: "door of the lab", Value: "4321", Author: bob, Foreign: true},
		memory.CountCommand{Realm: alice.Realm(), Name: "save"}, memory.CountCommand{Realm: alice.Realm(), Name: "save"}, memory.CountCommand{Realm: carol.Realm(), Name: "kudos"},
		memory.AddScore{Place: group, Board: memory.Kudos, Person: bob, Name: "Bob", N: 2, Reason: "the coffee", By: alice},
		memory.AddScore{Place: memory.Private(alice), Board: memory.Kudos, Person: bob, N: 1, By: alice},
		memory.AddScore{Place: group, Board: memory.Tokens, Person: alice, N: 70})
	for days := range 70 { // every day of this month and the one before, and of some that are over
		from.do(t, noon.AddDate(0, 0, -days), memory.AddScore{Place: group, Board: memory.Messages, Person: alice, N: int64(days) + 1})
	}
	if err := from.Trim(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	want := answers(t, from, carol)

	files := dump(t, from)
	for range 2 { // a restore may be run again
		load(t, to, files)
		if got := answers(t, to, carol); got != want {
			t.Errorf("restored\n%s\nis not what was\n%s", got, want)
		}
	}

	to.do(t, noon, memory.SetPreference{Person: alice, Key: "city", Value: "Rome"}, memory.Forget{Place: group, Key: "wifi"},
		memory.DeletePreference{Person: alice, Key: "tea"}, memory.CountCommand{Realm: alice.Realm(), Name: "save"},
		memory.AddScore{Place: group, Board: memory.Kudos, Person: bob, N: 5},
		memory.Remember{Place: group, Key: "new", Value: "since", Author: bob})
	load(t, to, files)
	if v, _, err := to.Preference(t.Context(), alice, "city"); v != "Rome" || err != nil {
		t.Errorf("what was changed since is %q, %v", v, err)
	}
	if v, _, err := to.Preference(t.Context(), alice, "tea"); v != "  green\n 绿 " || err != nil {
		t.Errorf("what was deleted since is %q, %v", v, err)
	}
	if found, n, err := to.SearchFacts(t.Context(), group, "tea", 5); n != 1 || err != nil {
		t.Errorf("a fact that was forgotten since: %v, %d, %v", found, n, err)
	}
	if n, err := to.Score(t.Context(), group, memory.Kudos, bob); n != 7 || err != nil {
		t.Errorf("a score that has grown since is %d, %v", n, err)
	}

	for _, part := range to.Parts() {
		if err := part.Empty(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := part.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: %d are left, %v", part.Title(), n, err)
		}
	}
	load(t, to, files)
	if got := answers(t, to, carol); got != want {
		t.Errorf("replaced\n%s\nis not what was\n%s", got, want)
	}
	to.full(t)
}

// full fills a restored place and a restored person up: the limits know what is there.
func (b *bench) full(t *testing.T) {
	t.Helper()
	var more []memory.Change
	for i := 2; i < memory.MaxKeys; i++ {
		more = append(more, memory.SetPreference{Person: alice, Key: fmt.Sprint("key", i), Value: "x"})
	}
	b.do(t, noon, more...)
	refused(t, b.one(t, memory.SetPreference{Person: alice, Key: "one more", Value: "x"}), "too_many_preferences")
}

func dump(t *testing.T, b *bench) map[string][]json.RawMessage {
	t.Helper()
	files := map[string][]json.RawMessage{}
	for _, part := range b.Parts() {
		err := part.Each(t.Context(), func(record []byte) error {
			files[part.Title()] = append(files[part.Title()], json.RawMessage(string(record)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := part.Count(t.Context()); int(n) != len(files[part.Title()]) || n == 0 || err != nil {
			t.Errorf("%s: counted %d, wrote %d, %v", part.Title(), n, len(files[part.Title()]), err)
		}
	}
	return files
}

func load(t *testing.T, b *bench, files map[string][]json.RawMessage) {
	t.Helper()
	for _, part := range b.Parts() {
		if err := part.Add(t.Context(), files[part.Title()]); err != nil {
			t.Fatalf("%s: %v", part.Title(), err)
		}
	}
}

// answers is all that the backend says of what parts has stored.
func answers(t *testing.T, b *bench, people ...memory.Person) string {
	t.Helper()
	ctx, text := t.Context(), ""
	say := func(v any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintln(v)
	}
	for _, p := range append(people, alice, bob) {
		say(b.Preferences(ctx, p))
		say(b.Name(ctx, p))
		say(b.Footprint(ctx, p))
		say(b.CommandUses(ctx, p.Realm()))
		say(b.People(ctx, p.Realm()))
		for _, place := range []memory.Place{group, memory.Private(p)} {
			found, n, err := b.SearchFacts(ctx, place, "tea door", 5)
			say(fmt.Sprint(found, n), err)
			say(b.Reasons(ctx, place, p, 5))
			for _, board := range []memory.Board{memory.Kudos, memory.Messages, memory.Tokens} {
				say(b.Score(ctx, place, board, p))
				for _, period := range memory.Periods() {
					say(b.Leaders(ctx, place, board, period, noon, 10))
					say(b.Leaders(ctx, place, board, period, noon.Add(time.Hour), 10))
				}
			}
		}
	}
	return text
}

var _ database.Part = (*database.Table)(nil)
