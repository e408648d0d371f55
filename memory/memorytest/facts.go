package memorytest

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/memory"
)

func remember(at memory.Place, key, value string) memory.Change {
	return memory.Remember{Place: at, Key: key, Value: value, Author: alice}
}

func facts(t *testing.T, b *bench) {
	for key, value := range map[string]string{
		"wifi": "tea", "Wifi": "coffee", "wifi ": "milk", "天气": "晴天 ☀", "long": strings.Repeat("é", memory.MaxFactValueBytes/2),
		strings.Repeat("k", memory.MaxFactKeyBytes): " spaces  kept ",
	} {
		if r := b.one(t, remember(group, key, value)); !r.Done || r.Old != "" {
			t.Fatalf("%.20q: %+v", key, r)
		}
		f, ok, err := b.Fact(t.Context(), group, key)
		if !ok || err != nil || f.Key != key || f.Value != value || !f.At.Equal(noon) || f.Author != hex.EncodeToString(alice.Hash()) {
			t.Errorf("%.20q: %+v, %v, %v", key, f, ok, err)
		}
	}
	if r := b.one(t, remember(group, "wifi", "water")); r.Done || r.Old != "tea" || r.Refused != nil {
		t.Errorf("a key that is there: %+v", r)
	}
	if r := b.one(t, memory.Forget{Place: group, Key: "wifi"}); !r.Done {
		t.Errorf("forget: %+v", r)
	}
	if r := b.one(t, memory.Forget{Place: group, Key: "wifi"}); r.Done {
		t.Errorf("forget again: %+v", r)
	}
	if _, ok, err := b.Fact(t.Context(), group, "wifi"); ok || err != nil {
		t.Errorf("after forgetting: %v, %v", ok, err)
	}
	if r := b.one(t, remember(group, "wifi", "water")); !r.Done {
		t.Errorf("after forgetting: %+v", r)
	}
}

// A turn that is taken again gets the answers of the first one.
func factsOnce(t *testing.T, b *bench) {
	for range 3 {
		if r := b.as(t, "e1", noon, remember(group, "wifi", "tea"))[0]; !r.Done || r.Old != "" {
			t.Errorf("remember: %+v", r)
		}
		if r := b.as(t, "e2", noon, remember(group, "wifi", "milk"))[0]; r.Done || r.Old != "tea" {
			t.Errorf("remember what is there: %+v", r)
		}
	}
	for range 3 {
		if r := b.as(t, "e3", noon, memory.Forget{Place: group, Key: "wifi"})[0]; !r.Done {
			t.Errorf("forget: %+v", r)
		}
		if r := b.as(t, "e4", noon, memory.Forget{Place: group, Key: "wifi"})[0]; r.Done {
			t.Errorf("forget what is not there: %+v", r)
		}
	}
}

// A fact of others' words is its author's own once they say the same themselves, and
// by nothing else; what is their own stays so. What is taken again answers the same.
func foreignFacts(t *testing.T, b *bench) {
	for _, at := range []memory.Place{group, memory.Private(alice)} {
		say := func(who memory.Person, value string, foreign bool) memory.Change {
			return memory.Remember{Place: at, Key: "tea", Value: value, Author: who, Foreign: foreign}
		}
		done, left := memory.Result{Done: true}, memory.Result{Old: "green", Foreign: true}
		steps := []struct {
			what    string
			change  memory.Change
			want    memory.Result
			foreign bool
		}{
			{"others' words", say(alice, "green", true), done, true},
			{"the same of others' words", say(alice, "green", true), left, true},
			{"something else of her own", say(alice, "red", false), left, true},
			{"the same of her own", say(alice, "green", false), done, false},
			{"it once more", say(alice, "green", false), memory.Result{Old: "green"}, false},
			{"others' words about her own", say(alice, "green", true), memory.Result{Old: "green"}, false},
			{"others' words against her own", say(alice, "red", true), memory.Result{Old: "green"}, false},
			{"forgotten", memory.Forget{Place: at, Key: "tea"}, done, false},
			{"others' words again", say(alice, "green", true), done, true},
			{"somebody else's", say(bob, "green", false), left, true},
		}
		if at != group {
			steps = steps[:len(steps)-1]
		}
		for i, s := range steps {
			for range 2 {
				if r := b.as(t, fmt.Sprint(at.Group, i), noon, s.change)[0]; r != s.want {
					t.Errorf("%s: %+v, want %+v", s.what, r, s.want)
				}
				f, _, err := b.Fact(t.Context(), at, "tea")
				if err != nil || f.Foreign != s.foreign {
					t.Errorf("%s: %+v, %v", s.what, f, err)
				}
				found, _, err := b.SearchFacts(t.Context(), at, "tea", 5)
				if err != nil || len(found) > 0 && found[0] != f {
					t.Errorf("%s: found %+v, %v; want %+v", s.what, found, err, f)
				}
			}
		}
	}
}

func factLimits(t *testing.T, b *bench) {
	for _, tt := range []struct{ key, value, code string }{
		{"", "v", "invalid_fact"},
		{" ", "v", "invalid_fact"},
		{"k", "", "invalid_fact"},
		{"k", "\x00", "invalid_fact"},
		{strings.Repeat("k", memory.MaxFactKeyBytes+1), "v", "fact_key_too_long"},
		{"k", strings.Repeat("v", memory.MaxFactValueBytes+1), "fact_value_too_long"},
	} {
		refused(t, b.one(t, remember(group, tt.key, tt.value)), tt.code)
	}
	refused(t, b.one(t, remember(memory.Place{Platform: "slack"}, "k", "v")), "invalid_place")
}

func search(t *testing.T, b *bench) {
	for i, f := range []struct{ key, value string }{
		{"office wifi", "the password is Tea"},
		{"wifi", "ask Bob"},
		{"wifi password", "swordfish"},
		{"guest", "the WIFI is called guests"},
		{"router", "resets the wifi"},
		{"Straße", "ÜBER den Fluß"},
		{"明天的天气预报", "多云转晴"},
		{"周末", "天气会很好"},
		{"c++", "a language"},
		{"ｆｕｌｌ", "width"},
		{"unrelated", "nothing to see"},
	} {
		b.do(t, noon.Add(time.Duration(i)*time.Minute), remember(group, f.key, f.value))
	}
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"wifi", []string{"wifi", "wifi password", "office wifi", "router", "guest"}}, // exact, prefix, word of the key, of the value: newest first
		{"WiFi", []string{"wifi", "wifi password", "office wifi", "router", "guest"}},
		{"wifi password", []string{"wifi password", "office wifi", "wifi", "router", "guest"}},
		{"pass", []string{"wifi password", "office wifi"}},
		{"passwords", []string{"wifi password", "office wifi"}}, // another form of the word
		{"reset", []string{"router"}},
		{"straße", []string{"Straße"}},
		{"über", []string{"Straße"}},
		{"天气", []string{"明天的天气预报", "周末"}},
		{"天气预报", []string{"明天的天气预报", "周末"}},
		{"C++", []string{"c++"}},
		{"full", []string{"ｆｕｌｌ"}},
		{"ifi", nil},
		{"%", nil},
		{"nobody's 'business'", nil},
		{"", nil},
		{" ", nil},
	} {
		found, total, err := b.SearchFacts(t.Context(), group, tt.text, 20)
		got := make([]string, len(found))
		for i, f := range found {
			got[i] = f.Key
		}
		if err != nil || total != len(tt.want) || strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%q: %d %q, %v; want %q", tt.text, total, got, err, tt.want)
		}
	}
}

func searchCounts(t *testing.T, b *bench) {
	for i := range 30 {
		b.do(t, noon.Add(time.Duration(i)*time.Second), remember(group, fmt.Sprint("tea ", i), fmt.Sprint("cup ", i)))
	}
	found, total, err := b.SearchFacts(t.Context(), group, "tea", 20)
	if err != nil || total != 30 || len(found) != 20 {
		t.Fatalf("%d of %d, %v; want 20 of 30", len(found), total, err)
	}
	for i, f := range found {
		if want := (memory.Fact{Key: fmt.Sprint("tea ", 29-i), Value: fmt.Sprint("cup ", 29-i), At: f.At, Author: hex.EncodeToString(alice.Hash())}); f != want {
			t.Errorf("%d: %+v", i, f)
		}
	}
}

func placesApart(t *testing.T, b *bench) {
	private := memory.Private(alice)
	b.do(t, noon, remember(group, "where", "group"), remember(private, "where", "private"),
		memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 1},
		memory.AddScore{Place: private, Board: memory.Kudos, Person: alice, N: 10})
	for place, want := range map[memory.Place]struct {
		value string
		score int64
	}{
		group: {"group", 1}, private: {"private", 10},
		memory.PlaceOf(alice, false, "D9"):                        {"private", 10},
		memory.PlaceOf(alice, true, "C1"):                         {"group", 1},
		memory.PlaceOf(alice, true, "U1"):                         {},
		memory.PlaceOf(alice, true, "c1"):                         {},
		memory.Private(bob):                                       {},
		{Tenant: "T2", Platform: "slack", Group: true, ID: "C1"}:  {},
		{Tenant: "T1", Platform: "feishu", Group: true, ID: "C1"}: {},
		{Tenant: "T1s", Platform: "lack", Group: true, ID: "C1"}:  {},
		{Tenant: "", Platform: "slack", Group: true, ID: "C1"}:    {},
		{Tenant: "T1", Platform: "slack", Group: false, ID: "C1"}: {},
		memory.PlaceOf(alice, true, "C1 "):                        {},
		memory.PlaceOf(alice, false, "C1"):                        {"private", 10},
	} {
		f, _, err := b.Fact(t.Context(), place, "where")
		found, total, err2 := b.SearchFacts(t.Context(), place, "where", 20)
		score := must[int64](t)(b.Score(t.Context(), place, memory.Kudos, alice))
		if err != nil || err2 != nil || f.Value != want.value || score != want.score || total != len(found) || (total > 0) != (want.value != "") {
			t.Errorf("%+v: %q, %d found, %d points (%v, %v); want %+v", place, f.Value, total, score, err, err2, want)
		}
	}
}

// Of many who set the same key at once one wins.
func parallelRemember(t *testing.T, b *bench) {
	var wg sync.WaitGroup
	done := make([]bool, 16)
	for i := range done {
		wg.Go(func() {
			r, err := Apply(t.Context(), b.db, b, memory.Effect{ID: fmt.Sprint("racer ", i), At: noon}, remember(group, "key", fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
				return
			}
			done[i] = r[0].Done
			if !r[0].Done && r[0].Old == "" {
				t.Error("refused without the old value")
			}
		})
	}
	wg.Wait()
	f, _, err := b.Fact(t.Context(), group, "key")
	winners := 0
	for i, ok := range done {
		if ok {
			winners++
			if f.Value != fmt.Sprint(i) {
				t.Errorf("%d won, and the value is %q", i, f.Value)
			}
		}
	}
	if winners != 1 || err != nil {
		t.Errorf("%d winners, %v", winners, err)
	}
}
