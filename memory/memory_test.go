package memory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
)

func open(t *testing.T, db *database.DB) *memory.Store {
	t.Helper()
	return memory.New(db)
}

func set(t *testing.T, db *database.DB, s *memory.Store, p memory.Person, key, value string) error {
	t.Helper()
	return db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		return s.SetPreferenceTx(ctx, tx, p, key, value)
	})
}

func see(t *testing.T, db *database.DB, s *memory.Store, p memory.Person, name string) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return s.SeenTx(ctx, tx, p, name) })
	if err != nil {
		t.Fatal(err)
	}
}

func people(t *testing.T, s *memory.Store, r memory.Realm) int64 {
	t.Helper()
	n, err := s.People(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPreferencesAreExactBytes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		alice := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
		want := map[string]string{
			"city": "Paris", "City": "Rome", "city ": "Oslo", "cité": "Lyon", "cite": "Cite",
			"spaces": "  two  words\n\n", "empty": "", "emoji": "🥇 'quoted' \\ \"double\" ?0 %s",
			strings.Repeat("k", memory.MaxKeyBytes): strings.Repeat("é", memory.MaxValueBytes/2),
		}
		for key, value := range want {
			for _, v := range []string{"old", value} {
				if err := set(t, db, s, alice, key, v); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := s.Preferences(t.Context(), alice)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d preferences, %v; want %d", len(got), err, len(want))
		}
		for key, value := range want {
			one, ok, err := s.Preference(t.Context(), alice, key)
			if one != value || !ok || err != nil || got[key] != value {
				t.Errorf("%.20q: got %.20q, %.20q, %v, %v; want %.20q", key, one, got[key], ok, err, value)
			}
		}
	})
}

func TestPreferencesBelongToOnePerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		owner := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
		if err := set(t, db, s, owner, "city", "Paris"); err != nil {
			t.Fatal(err)
		}
		for _, other := range []memory.Person{
			{Tenant: "T2", Platform: "slack", SenderID: "U1"},
			{Tenant: "T1", Platform: "feishu", SenderID: "U1"},
			{Tenant: "T1", Platform: "slack", SenderID: "u1"},
			{Tenant: "T1", Platform: "slack", SenderID: "U1 "},
			{Tenant: "T1s", Platform: "lack", SenderID: "U1"},
		} {
			value, ok, err := s.Preference(t.Context(), other, "city")
			all, err2 := s.Preferences(t.Context(), other)
			if ok || err != nil || err2 != nil || len(all) != 0 {
				t.Errorf("%+v sees %q, %v (%v, %v)", other, value, all, err, err2)
			}
		}
	})
}

func TestPreferenceLimits(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	s := open(t, db)
	p := memory.Person{Platform: "generic", SenderID: "alice"}
	for _, tt := range []struct{ key, value, code string }{
		{"", "v", "invalid_preference"},
		{"a\x00b", "v", "invalid_preference"},
		{"k", "a\x00b", "invalid_preference"},
		{"k", "\xff", "invalid_preference"},
		{strings.Repeat("k", memory.MaxKeyBytes+1), "v", "preference_key_too_long"},
		{"k", strings.Repeat("v", memory.MaxValueBytes+1), "preference_value_too_long"},
	} {
		err := set(t, db, s, p, tt.key, tt.value)
		if failure.KindOf(err) != failure.Invalid || failure.CodeOf(err) != tt.code {
			t.Errorf("%.20q = %.20q: got %v, want %s", tt.key, tt.value, err, tt.code)
		}
	}
	if err := set(t, db, s, memory.Person{Platform: "generic"}, "k", "v"); failure.KindOf(err) != failure.Invalid {
		t.Errorf("a person without an id: %v", err)
	}
	if n := people(t, s, memory.Realm{}); n != 0 {
		t.Errorf("%d people after refused writes", n)
	}
}

// The limit holds when the last free places are fought for, and an existing
// key can still be changed.
func TestPreferenceCountLimit(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		p := memory.Person{Platform: "generic", SenderID: "alice"}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			for i := range memory.MaxKeys - 4 {
				if err := s.SetPreferenceTx(ctx, tx, p, fmt.Sprint("key", i), "v"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 16)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = set(t, db, s, p, fmt.Sprint("more", i), "v") })
		}
		wg.Wait()
		refused := 0
		for _, err := range errs {
			if failure.CodeOf(err) == "too_many_preferences" {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		all, err := s.Preferences(t.Context(), p)
		if refused != 12 || len(all) != memory.MaxKeys || err != nil {
			t.Errorf("%d refused, %d kept (%v); want 12 and %d", refused, len(all), err, memory.MaxKeys)
		}
		if err := set(t, db, s, p, "key0", "changed"); err != nil {
			t.Errorf("changing an existing key: %v", err)
		}
	})
}

func TestPreferenceRollsBackWithItsTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		p := memory.Person{Platform: "generic", SenderID: "alice"}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			if err := s.SetPreferenceTx(ctx, tx, p, "k", "v"); err != nil {
				return err
			}
			return context.DeadlineExceeded
		})
		_, ok, _ := s.Preference(t.Context(), p, "k")
		if err == nil || ok {
			t.Errorf("%v: the preference is there: %v", err, ok)
		}
	})
}

func TestPeople(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		if n := people(t, s, memory.Realm{Platform: "generic"}); n != 0 {
			t.Fatalf("%d people in an empty database", n)
		}
		alice := memory.Person{Platform: "generic", SenderID: "alice"}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { see(t, db, s, alice, "Alice") })
		}
		wg.Wait()
		see(t, db, s, memory.Person{Platform: "generic", SenderID: "Alice"}, "")
		see(t, db, s, memory.Person{Tenant: "T", Platform: "slack", SenderID: "U1"}, "")
		see(t, db, s, memory.Person{Tenant: "t", Platform: "slack", SenderID: "U1"}, "")
		see(t, db, s, memory.Person{Tenant: "t ", Platform: "slack", SenderID: "U1"}, "")
		see(t, db, s, memory.Person{Platform: "other", SenderID: "alice"}, "")
		for r, want := range map[memory.Realm]int64{
			{Platform: "generic"}: 2, {Platform: "other"}: 1, {Platform: "other "}: 0, {Platform: "x"}: 0, {Tenant: "T", Platform: "slack"}: 1,
			{Tenant: "t", Platform: "slack"}: 1, {Tenant: "t ", Platform: "slack"}: 1, {Tenant: "T", Platform: "feishu"}: 0,
		} {
			if n := people(t, s, r); n != want {
				t.Errorf("%+v: %d people, want %d", r, n, want)
			}
		}
	})
}

func TestSeenKeepsTheLatestName(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		alice := memory.Person{Platform: "generic", SenderID: "alice"}
		if err := set(t, db, s, alice, "k", "v"); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct{ name, want string }{
			{"", ""}, {"Alice", "Alice"}, {"", "Alice"}, {"Alice B.", "Alice B."},
		} {
			see(t, db, s, alice, step.name)
			var name string
			if err := db.Read().NewRaw("SELECT name FROM people WHERE person = ?", alice.Hash()).Scan(t.Context(), &name); err != nil {
				t.Fatal(err)
			}
			if name != step.want {
				t.Errorf("seen as %q: stored %q, want %q", step.name, name, step.want)
			}
		}
		if n := people(t, s, memory.Realm{Platform: "generic"}); n != 1 {
			t.Errorf("%d people, want 1", n)
		}
	})
}

// What an earlier version has counted, by tenant alone, stays with the platform
// that the tenant is of, and without a tenant with the source named generic.
func TestUsesOfEarlierVersions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		slack, generic, other := memory.Realm{Tenant: "T1", Platform: "slack"}, memory.Realm{Platform: "generic"}, memory.Realm{Platform: "other"}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			for _, tenant := range []string{"T1", ""} {
				_, err := tx.NewRaw("INSERT INTO memory_commands (tenant, name, uses) VALUES (?, 'help', 5)", database.Hash("tenant", tenant)).Exec(ctx)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range []memory.Realm{slack, generic, other} {
			e := memory.Effect{ID: fmt.Sprint(i), At: time.Now()}
			if _, err := memorytest.Apply(t.Context(), db, s, e, memory.CountCommand{Realm: r, Name: "help"}); err != nil {
				t.Fatal(err)
			}
		}
		for r, want := range map[memory.Realm]int64{slack: 6, generic: 6, other: 1, {Tenant: "T1", Platform: "slack.two"}: 0} {
			uses, err := s.CommandUses(t.Context(), r)
			if n := len(uses); err != nil || n > 1 || (n == 1) != (want > 0) || n == 1 && uses[0] != (memory.Use{Name: "help", Count: want}) {
				t.Errorf("%+v: %+v, %v", r, uses, err)
			}
		}
	})
}

// What a backup of the version before says of scores and facts is counted and
// found here, with days and without.
func TestBackupOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := open(t, db)
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		at := memory.Place{Platform: "generic", Group: true, ID: "room"}
		files := map[string]string{
			"scores": fmt.Sprintf(`{"place":"%x","person":"%x","board":"kudos","name":"Alice","points":1111,"days":{"2026-11-20":1,"2026-11-18":10,"2026-11-02":100}}`,
				at.Hash(), memory.Person{Platform: "generic", SenderID: "alice"}.Hash()),
			"facts": fmt.Sprintf(`{"place":"%x","fact":"%x","remembered_at":1,"fact_key":"Wifi","value":"Tea, green","author":null}`, at.Hash(), database.Hash("fact", "Wifi")),
		}
		for _, part := range s.Parts() {
			if record, ok := files[part.Title()]; ok {
				if err := part.Add(t.Context(), []json.RawMessage{json.RawMessage(record)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for p, want := range map[memory.Period]int64{memory.Day: 1, memory.Week: 11, memory.Month: 111, memory.All: 1111} {
			list, err := s.Leaders(t.Context(), at, memory.Kudos, p, now, 10)
			if err != nil || len(list) != 1 || list[0] != (memory.Leader{Name: "Alice", Points: want}) {
				t.Errorf("%s: %v, %v; want %d", p, list, err, want)
			}
		}
		if found, n, err := s.SearchFacts(t.Context(), at, "tea", 5); n != 1 || err != nil || found[0].Key != "Wifi" || found[0].Foreign {
			t.Errorf("%v, %d, %v", found, n, err)
		}
		for _, part := range s.Parts() {
			if part.Title() != "scores" {
				continue
			}
			err := part.Each(t.Context(), func(record []byte) error {
				var got, want any
				if err := errors.Join(json.Unmarshal(record, &got), json.Unmarshal([]byte(files["scores"]), &want)); err != nil {
					return err
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("backed up again: %s", record)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}
