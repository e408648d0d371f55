// Package memorytest is the contract of [memory.Backend] as a suite of tests,
// passed by every implementation.
package memorytest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

// Open returns an empty backend whose days start at midnight in the zone, and
// the database whose commits its changes join; nil for a backend that is not transactional.
type Open func(t *testing.T, zone *time.Location) (memory.Backend, *database.DB)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *bench){
		"Preferences":        preferences,
		"PreferenceLimits":   preferenceLimits,
		"People":             people,
		"Facts":              facts,
		"FactsOnce":          factsOnce,
		"ForeignFacts":       foreignFacts,
		"FactLimits":         factLimits,
		"Search":             search,
		"SearchCounts":       searchCounts,
		"PlacesApart":        placesApart,
		"Scores":             scores,
		"ScoresOnce":         scoresOnce,
		"ScoreLimits":        scoreLimits,
		"Periods":            periods,
		"Leaders":            leaders,
		"Names":              names,
		"Reasons":            reasons,
		"CommandUses":        commandUses,
		"ParallelScores":     parallelScores,
		"ParallelUses":       parallelUses,
		"ParallelRemember":   parallelRemember,
		"ForgetPerson":       forgetPerson,
		"ForgetPersonAlone":  forgetPersonAlone,
		"Trim":               trim,
		"EffectsNeedNames":   effectsNeedNames,
		"NothingIsNoRequest": nothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bench{zone: time.UTC}
			b.Backend, b.db = open(t, b.zone)
			test(t, b)
		})
	}
	t.Run("Parts", func(t *testing.T) {
		t.Parallel()
		zone := time.FixedZone("UTC+8", 8*3600)
		from, to := &bench{zone: zone}, &bench{zone: zone, n: 1000} // a backend may know the effects of what was restored
		from.Backend, from.db = open(t, zone)
		to.Backend, to.db = open(t, zone)
		parts(t, from, to)
	})
	t.Run("Zones", func(t *testing.T) {
		t.Parallel()
		zone := time.FixedZone("UTC+8", 8*3600)
		b := &bench{zone: zone}
		b.Backend, b.db = open(t, zone)
		zones(t, b)
	})
}

// noon is a Friday.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var (
	alice = memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
	bob   = memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U2"}
	group = memory.Place{Tenant: "T1", Platform: "slack", Group: true, ID: "C1"}
)

// bench is a backend under test.
type bench struct {
	memory.Backend
	db   *database.DB
	zone *time.Location
	n    int
}

// Apply makes changes as a turn does; db is nil where they join no commit.
func Apply(ctx context.Context, db *database.DB, b memory.Backend, e memory.Effect, changes ...memory.Change) (results []memory.Result, err error) {
	staged, err := b.Stage(ctx, e, changes...)
	if err != nil {
		return nil, err
	}
	if db == nil {
		return staged(ctx, database.Tx{})
	}
	err = db.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
		results, err = staged(ctx, tx)
		return err
	})
	return results, err
}

// do makes changes at the time under an effect of their own.
func (b *bench) do(t *testing.T, at time.Time, changes ...memory.Change) []memory.Result {
	t.Helper()
	b.n++
	return b.as(t, fmt.Sprint("own ", b.n), at, changes...)
}

// as makes changes under the effect.
func (b *bench) as(t *testing.T, id string, at time.Time, changes ...memory.Change) []memory.Result {
	t.Helper()
	results, err := Apply(t.Context(), b.db, b, memory.Effect{ID: id, At: at}, changes...)
	if err != nil || len(results) != len(changes) {
		t.Fatalf("%+v: %d results, %v", changes, len(results), err)
	}
	return results
}

// one is do with one change.
func (b *bench) one(t *testing.T, c memory.Change) memory.Result {
	t.Helper()
	return b.do(t, noon, c)[0]
}

func refused(t *testing.T, r memory.Result, code string) {
	t.Helper()
	if r.Done || failure.KindOf(r.Refused) != failure.Invalid || failure.CodeOf(r.Refused) != code {
		t.Errorf("got %+v (%s), want it refused as %s", r, failure.CodeOf(r.Refused), code)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func effectsNeedNames(t *testing.T, b *bench) {
	for _, e := range []memory.Effect{{At: noon}, {ID: "e"}} {
		if _, err := Apply(t.Context(), b.db, b, e, memory.Seen{Person: alice}); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
}

func nothing(t *testing.T, b *bench) {
	if r := b.do(t, noon); len(r) != 0 {
		t.Errorf("%v", r)
	}
}
