package memorytest

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/parley-bot/parley/memory"
)

func preferences(t *testing.T, b *bench) {
	want := map[string]string{
		"city": "Paris", "City": "Rome", "city ": "Oslo", "empty": "", "emoji": "🥇 'quoted' \"double\"",
		"spaces": "  two  words\n", strings.Repeat("k", memory.MaxKeyBytes): strings.Repeat("é", memory.MaxValueBytes/2),
	}
	for key, value := range want {
		for _, v := range []string{"old", value} {
			if r := b.one(t, memory.SetPreference{Person: alice, Key: key, Value: v}); !r.Done {
				t.Fatalf("%+v", r)
			}
		}
	}
	if got := must[map[string]string](t)(b.Preferences(t.Context(), alice)); !maps.Equal(got, want) {
		t.Errorf("got %.200q", got)
	}
	for key, value := range want {
		if got, ok, err := b.Preference(t.Context(), alice, key); got != value || !ok || err != nil {
			t.Errorf("%.20q: %.20q, %v, %v", key, got, ok, err)
		}
	}
	del := memory.DeletePreference{Person: alice, Key: "city"}
	for range 2 {
		if r := b.as(t, "delete", noon, del)[0]; !r.Done {
			t.Errorf("delete: %+v", r)
		}
	}
	if r := b.one(t, del); r.Done {
		t.Errorf("delete again: %+v", r)
	}
	_, ok, err := b.Preference(t.Context(), alice, "city")
	if ok || err != nil {
		t.Errorf("after the deletion: %v, %v", ok, err)
	}
	others := []memory.Person{bob, {Tenant: "T2", Platform: "slack", SenderID: "U1"}, {Tenant: "T1", Platform: "feishu", SenderID: "U1"}}
	for _, p := range others {
		if got := must[map[string]string](t)(b.Preferences(t.Context(), p)); len(got) != 0 {
			t.Errorf("%+v sees %.100q", p, got)
		}
	}
}

func preferenceLimits(t *testing.T, b *bench) {
	for _, tt := range []struct{ key, value, code string }{
		{"", "v", "invalid_preference"},
		{"k", "a\x00b", "invalid_preference"},
		{"k", "\xff", "invalid_preference"},
		{strings.Repeat("k", memory.MaxKeyBytes+1), "v", "preference_key_too_long"},
		{"k", strings.Repeat("v", memory.MaxValueBytes+1), "preference_value_too_long"},
	} {
		refused(t, b.one(t, memory.SetPreference{Person: alice, Key: tt.key, Value: tt.value}), tt.code)
	}
	refused(t, b.one(t, memory.SetPreference{Person: memory.Person{Platform: "slack"}, Key: "k", Value: "v"}), "invalid_person")
	for i := range memory.MaxKeys / 100 {
		changes := make([]memory.Change, 100)
		for j := range changes {
			changes[j] = memory.SetPreference{Person: alice, Key: fmt.Sprint(i, "/", j), Value: "v"}
		}
		for _, r := range b.do(t, noon, changes...) {
			if !r.Done {
				t.Fatalf("%+v", r)
			}
		}
	}
	more := memory.SetPreference{Person: alice, Key: "more", Value: "v"}
	results := b.as(t, "full", noon, more, memory.Seen{Person: alice, Name: "Alice"})
	refused(t, results[0], "too_many_preferences")
	if !results[1].Done {
		t.Error("a refused change took another one along")
	}
	refused(t, b.as(t, "full", noon, more, memory.Seen{Person: alice, Name: "Alice"})[0], "too_many_preferences")
	if r := b.one(t, memory.SetPreference{Person: alice, Key: "0/0", Value: "changed"}); !r.Done {
		t.Errorf("a key that is there: %+v", r)
	}
}

func people(t *testing.T, b *bench) {
	seen := func(tenant, id string) {
		b.one(t, memory.Seen{Person: memory.Person{Tenant: tenant, Platform: "slack", SenderID: id}})
	}
	b.one(t, memory.Seen{Person: memory.Person{Tenant: "T1", Platform: "feishu", SenderID: "U1"}})
	for range 3 {
		seen("T1", "U1")
		seen("T1", "u1")
		seen("T1", "U2")
		seen("t1", "U1")
		seen("", "U1")
	}
	for tenant, want := range map[string]int64{"T1": 3, "t1": 1, "": 1, "T2": 0} {
		if n := must[int64](t)(b.People(t.Context(), memory.Realm{Tenant: tenant, Platform: "slack"})); n != want {
			t.Errorf("tenant %q: %d people, want %d", tenant, n, want)
		}
	}
	b.as(t, "once", noon, memory.Seen{Person: memory.Person{Tenant: "T3", Platform: "slack", SenderID: "U1"}})
	b.as(t, "once", noon, memory.Seen{Person: memory.Person{Tenant: "T3", Platform: "slack", SenderID: "U1"}})
	if n := must[int64](t)(b.People(t.Context(), memory.Realm{Tenant: "T3", Platform: "slack"})); n != 1 {
		t.Errorf("%d people after the same effect twice", n)
	}
}

func names(t *testing.T, b *bench) {
	if name := must[string](t)(b.Name(t.Context(), alice)); name != "" {
		t.Errorf("a stranger is called %q", name)
	}
	b.one(t, memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 3})
	board := func(want string) {
		t.Helper()
		list := must[[]memory.Leader](t)(b.Leaders(t.Context(), group, memory.Kudos, memory.All, noon, 10))
		if len(list) != 1 || list[0] != (memory.Leader{Name: want, Points: 3}) {
			t.Errorf("got %+v, want %q", list, want)
		}
	}
	board("U1")
	// What somebody is called elsewhere is not told where they have not written.
	at := func(want string) {
		t.Helper()
		if name := must[string](t)(b.NameAt(t.Context(), group, alice)); name != want {
			t.Errorf("called %q here, want %q", name, want)
		}
	}
	carol := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U3"}
	elsewhere := memory.Place{Tenant: "T1", Platform: "slack", Group: true, ID: "C9"}
	b.one(t, memory.Seen{Person: carol, Name: "Carol"})
	for range 2 {
		b.one(t, memory.AddScore{Place: elsewhere, Board: memory.Kudos, Person: carol, N: 1, By: bob})
		b.one(t, memory.Seen{Person: carol, Name: "Carol C."})
	}
	if list := must[[]memory.Leader](t)(b.Leaders(t.Context(), elsewhere, memory.Kudos, memory.All, noon, 10)); len(list) != 1 || list[0].Name != "U3" {
		t.Errorf("got %+v", list)
	}
	at("")
	b.one(t, memory.AddScore{Place: group, Board: memory.Messages, Person: alice, N: 1})
	for _, step := range []struct{ seen, name, board string }{
		{"", "", "U1"}, {"Alice", "Alice", "Alice"}, {"", "Alice", "Alice"}, {"Alice B.", "Alice B.", "Alice B."},
	} {
		b.one(t, memory.Seen{Person: alice, Name: step.seen})
		if name := must[string](t)(b.Name(t.Context(), alice)); name != step.name {
			t.Errorf("seen as %q: called %q", step.seen, name)
		}
		at(step.name)
		board(step.board)
	}
	refused(t, b.one(t, memory.Seen{Person: alice, Name: strings.Repeat("x", 256)}), "invalid_person")
}

func forgetPerson(t *testing.T, b *bench) {
	private := memory.Private(alice)
	b.do(t, noon,
		memory.Seen{Person: alice, Name: "Alice"}, memory.Seen{Person: bob, Name: "Bob"},
		memory.SetPreference{Person: alice, Key: "city", Value: "Paris"}, memory.SetPreference{Person: bob, Key: "city", Value: "Rome"},
		memory.Remember{Place: private, Key: "pin", Value: "1234", Author: alice},
		memory.Remember{Place: group, Key: "wifi", Value: "tea", Author: alice},
		memory.Remember{Place: group, Key: "door", Value: "left", Author: bob},
		memory.AddScore{Place: group, Board: memory.Messages, Person: alice, N: 4},
		memory.AddScore{Place: private, Board: memory.Messages, Person: alice, N: 2},
		memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 1, Reason: "from bob", By: bob},
		memory.AddScore{Place: group, Board: memory.Kudos, Person: bob, N: 1, Reason: "from alice", By: alice},
		memory.AddScore{Place: private, Board: memory.Kudos, Person: bob, N: 1, Reason: "from alice, in private", By: alice},
	)
	want := memory.Footprint{Preferences: 1, Facts: 1, Authored: 1, Scores: 3, Reasons: 3, Name: true}
	if f := must[memory.Footprint](t)(b.Footprint(t.Context(), alice)); f != want {
		t.Errorf("before: %+v, want %+v", f, want)
	}
	r := b.as(t, "forget", noon, memory.ForgetPerson{Person: alice})
	if !r[0].Done || r[0].Erased != want {
		t.Errorf("erased %+v, want %+v", r[0], want)
	}
	if r := b.as(t, "forget", noon, memory.ForgetPerson{Person: alice}); !r[0].Done {
		t.Errorf("again: %+v", r[0])
	}
	if f := must[memory.Footprint](t)(b.Footprint(t.Context(), alice)); f != (memory.Footprint{}) {
		t.Errorf("after: %+v", f)
	}
	if n := must[int64](t)(b.People(t.Context(), alice.Realm())); n != 1 {
		t.Errorf("%d people are left", n)
	}
	if _, ok, err := b.Fact(t.Context(), private, "pin"); ok || err != nil {
		t.Errorf("the private fact: %v, %v", ok, err)
	}
	if f, ok, err := b.Fact(t.Context(), group, "wifi"); !ok || f.Value != "tea" || err != nil {
		t.Errorf("the group's fact: %+v, %v, %v", f, ok, err)
	}
	if r := b.one(t, memory.Forget{Place: group, Key: "wifi"}); !r.Done {
		t.Errorf("a fact without author cannot be forgotten: %+v", r)
	}
	board := must[[]memory.Leader](t)(b.Leaders(t.Context(), group, memory.Kudos, memory.All, noon, 10))
	if len(board) != 1 || board[0] != (memory.Leader{Name: "U2", Points: 1}) {
		t.Errorf("the board: %+v", board)
	}
	if n := must[int64](t)(b.Score(t.Context(), private, memory.Kudos, bob)); n != 0 {
		t.Errorf("the private chat's scores are left: %d", n)
	}
	if list := must[[]memory.Reason](t)(b.Reasons(t.Context(), group, bob, 10)); len(list) != 0 {
		t.Errorf("reasons: %+v", list)
	}
	if f := must[memory.Footprint](t)(b.Footprint(t.Context(), bob)); f != (memory.Footprint{Preferences: 1, Authored: 1, Scores: 1, Name: true}) {
		t.Errorf("bob has %+v", f)
	}
}

// Forgetting a stranger is no error, and who comes back is new.
func forgetPersonAlone(t *testing.T, b *bench) {
	if r := b.one(t, memory.ForgetPerson{Person: alice}); !r.Done || r.Erased != (memory.Footprint{}) {
		t.Errorf("%+v", r)
	}
	b.one(t, memory.Seen{Person: alice, Name: "Alice"})
	b.one(t, memory.ForgetPerson{Person: alice})
	b.one(t, memory.Seen{Person: alice})
	if name := must[string](t)(b.Name(t.Context(), alice)); name != "" {
		t.Errorf("the name came back: %q", name)
	}
	if n := must[int64](t)(b.People(t.Context(), alice.Realm())); n != 1 {
		t.Errorf("%d people", n)
	}
}
