package inbox_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// claimApart takes a lane that is quarantined, by a process with nothing else to do.
func claimApart(t *testing.T, b *inbox.Inbox) []inbox.Work {
	t.Helper()
	for _, as := range []inbox.Isolation{inbox.Alone, inbox.Quarantine} {
		if w, err := b.ClaimAs(t.Context(), as, 1); err != nil || len(w) > 0 {
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
	}
	return nil
}

// ready checks of which isolations there is work.
func ready(t *testing.T, b *inbox.Inbox, when string, want ...inbox.Isolation) {
	t.Helper()
	is, err := b.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for as := range is {
		if is[as] != slices.Contains(want, inbox.Isolation(as)) {
			t.Errorf("%s: work that waits, by isolation: %v, want %v", when, is, want)
		}
	}
}

// restart is a process that starts after the one before died.
func restart(t *testing.T, db *database.DB, n *int) *inbox.Inbox {
	t.Helper()
	*n++
	b := open(t, db, fmt.Sprint("process", *n), time.Hour)
	if err := b.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// A poison message is found among those that ran beside it, and is dead after it
// has killed its process three times alone. The others are answered.
func TestPoisonIsFound(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		starts := 0
		b := restart(t, db, &starts)
		poison := accept(t, b, event("poison", "mallory"))[0].ID
		for _, who := range []string{"alice", "bob"} {
			accept(t, b, event("of "+who, who))
		}
		if n := len(claim(t, b, 10)); n != 3 {
			t.Fatalf("%d lanes", n)
		}
		answered := map[string]int{}
		// live is one process: it answers what is quarantined, one after another,
		// until the poison kills it, or until there is no more.
		live := func() (killer *inbox.Work) {
			b = restart(t, db, &starts)
			if w := claim(t, b, 10); len(w) != 0 {
				t.Fatalf("what is quarantined was claimed as if nothing had happened: %+v", w)
			}
			for w := claimApart(t, b); len(w) == 1; w = claimApart(t, b) {
				if w[0].Events[0].ID == poison {
					return &w[0]
				}
				answered[w[0].Events[0].Event.ID]++
				if w[0].Isolation() != inbox.Quarantine {
					t.Error("its process died once only, and yet it runs with nothing beside it")
				}
				if err := done(t.Context(), b, &w[0]); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		}
		for _, alone := range []int64{-1, 0, 1, 2, inbox.MaxCrashes} { // deaths before, -1: runs beside others
			w := live()
			if w == nil || (w.Isolation() == inbox.Alone) != (alone >= 0) || w.CrashedAlone() != max(0, alone) || w.Events[0].Attempts != 0 {
				t.Fatalf("after %d deaths alone: %+v", alone, w)
			}
		}
		// Even giving up killed it: now it ends without being touched.
		if w := live(); w != nil {
			t.Fatalf("claimed %+v", w)
		}
		if w := live(); w != nil {
			t.Fatalf("claimed %+v", w)
		}
		if answered["of alice"] != 1 || answered["of bob"] != 1 {
			t.Errorf("answered %v", answered)
		}
		e, err := b.Get(t.Context(), poison)
		if err != nil || e.State != inbox.Dead || !strings.HasPrefix(e.Error, "crashed: ") || e.Attempts != 0 {
			t.Errorf("%s %q, %d attempts, %v", e.State, e.Error, e.Attempts, err)
		}
		accept(t, b, event("after", "mallory"))
		if w := claim(t, b, 10); len(w) != 1 || w[0].Events[0].Event.ID != "after" {
			t.Errorf("the lane is stuck: %+v", w)
		}
	})
}

// Each death moves a lane on: first into quarantine, then to where it runs alone.
func TestIsolations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		starts := 0
		b := restart(t, db, &starts)
		accept(t, b, event("e1", "alice"))
		ready(t, b, "before", inbox.Normal)
		claim(t, b, 1)
		b = restart(t, db, &starts)
		ready(t, b, "after one death", inbox.Quarantine)
		claimApart(t, b)
		b = restart(t, db, &starts)
		accept(t, b, event("fresh", "bob"))
		ready(t, b, "after two deaths", inbox.Normal, inbox.Alone)
		if w, err := b.ClaimAs(t.Context(), inbox.Quarantine, 1); len(w) > 0 || err != nil {
			t.Errorf("claimed to run beside others: %+v, %v", w, err)
		}
		w := claimApart(t, b)
		if len(w) != 1 || w[0].Isolation() != inbox.Alone || w[0].CrashedAlone() != 0 {
			t.Fatalf("%+v", w)
		}
		ready(t, b, "while it is being answered", inbox.Normal)
	})
}

// Where several replicas share a database, a lease that ran out under another
// owner is a death; one's own is not.
func TestExpiredLeaseOfAnotherIsADeath(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		dead, alive := open(t, db, "dead", time.Millisecond), open(t, db, "alive", time.Hour)
		accept(t, dead, event("e1", "alice"))
		claim(t, dead, 1)
		var again []inbox.Work
		for len(again) == 0 {
			again = claim(t, dead, 1) // its own, that it was too slow to extend
		}
		for {
			if w := claim(t, alive, 1); len(w) != 0 {
				t.Fatalf("taken up as if nothing had happened: %+v", w)
			}
			if is, err := alive.Ready(t.Context()); err != nil {
				t.Fatal(err)
			} else if is[inbox.Quarantine] {
				break
			}
		}
		if err := done(t.Context(), dead, &again[0]); err == nil {
			t.Error("the dead process committed")
		}
		w := claimApart(t, alive)
		if len(w) != 1 || w[0].Isolation() != inbox.Quarantine {
			t.Fatalf("%+v", w)
		}
	})
}

// However a turn in quarantine ends, its lane is a normal one afterwards; only a
// shutdown proves nothing.
func TestWhatEndsQuarantine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end   func(ctx context.Context, b *inbox.Inbox, w *inbox.Work) error
		clear bool
	}{
		"answered": {done, true},
		"failed": {func(ctx context.Context, b *inbox.Inbox, w *inbox.Work) error {
			return b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
				return b.FailTx(ctx, tx, w, inbox.Failure{Reason: "x: y", Counts: true})
			})
		}, true},
		"handed back": {func(ctx context.Context, b *inbox.Inbox, w *inbox.Work) error { return b.Release(ctx, w, "shutdown") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, starts := dbtest.New(t), 0
			b := restart(t, db, &starts)
			accept(t, b, event("e1", "alice"))
			claim(t, b, 1)
			b = restart(t, db, &starts)
			accept(t, b, event("e2", "alice")) // waits behind, in quarantine
			w := claimApart(t, b)
			if len(w) != 1 || len(w[0].Events) != 1 || w[0].Events[0].Event.ID != "e1" {
				t.Fatalf("%+v", w)
			}
			if err := c.end(t.Context(), b, &w[0]); err != nil {
				t.Fatal(err)
			}
			if n := len(claim(t, b, 1)); (n == 1) != c.clear {
				t.Errorf("%d normal lanes", n)
			}
			if is, err := b.Ready(t.Context()); is[inbox.Quarantine] == c.clear || is[inbox.Alone] || err != nil {
				t.Errorf("waits, by isolation: %v, %v", is, err)
			}
		})
	}
}

// Once its reply is made, a message is no longer blamed for the deaths before.
func TestReplyForgetsDeaths(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		starts := 0
		b := restart(t, db, &starts)
		accept(t, b, event("e1", "alice"))
		claim(t, b, 1)
		var w []inbox.Work
		for _, deaths := range []int64{0, 0, 1, 2} { // the first beside others
			b = restart(t, db, &starts)
			if w = claimApart(t, b); len(w) != 1 || w[0].CrashedAlone() != deaths {
				t.Fatalf("%+v; want %d deaths", w, deaths)
			}
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			_, err := b.AnsweredTx(ctx, tx, &w[0], inbox.Answer{ConversationID: 1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b = restart(t, db, &starts)
		if w = claimApart(t, b); len(w) != 1 || w[0].CrashedAlone() != 0 {
			t.Errorf("%+v; want the deaths forgotten", w)
		}
	})
}

func TestGrownAndInterrupt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Hour, grouped(func(events []inbox.Event) int { // up to a command
			n := 1
			for n < len(events) && events[n].Event.Kind != platforms.KindCommand && events[0].Event.Kind != platforms.KindCommand {
				n++
			}
			return n
		}))
		grown := func(w *inbox.Work, want bool) {
			t.Helper()
			if got, err := b.Grown(t.Context(), w); got != want || err != nil {
				t.Errorf("grown %v, %v; want %v", got, err, want)
			}
		}
		a := accept(t, b, event("e1", "alice"))
		w := claim(t, b, 1)
		grown(&w[0], false)
		accept(t, b, event("of another", "bob"))
		grown(&w[0], false)
		accept(t, b, event("e2", "alice"))
		grown(&w[0], true)
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return b.InterruptTx(ctx, tx, &w[0], 7, "interrupted")
		})
		if err != nil {
			t.Fatal(err)
		}
		e, err := b.Get(t.Context(), a[0].ID)
		if err != nil || e.State != inbox.Received || e.ConversationID != 7 || e.Attempts != 0 {
			t.Errorf("%+v, %v", e, err)
		}
		grown(&w[0], true) // whoever asks: it can only be interrupted while it is held
		command := event("command", "alice")
		command.Kind = platforms.KindCommand
		accept(t, b, command)
		accept(t, b, event("e3", "alice"))
		var both inbox.Work
		for _, w := range claim(t, b, 2) {
			if w.Events[0].ID == a[0].ID {
				both = w
			}
		}
		if len(both.Events) != 2 || both.Events[1].Event.ID != "e2" {
			t.Fatalf("%+v", both)
		}
		grown(&both, false) // a command stands between
	})
}

func TestCounts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Hour)
		for i := range 5 {
			accept(t, b, event(fmt.Sprint("e", i), fmt.Sprint("u", i)))
		}
		accept(t, b, event("second", "u4"))
		w := claim(t, b, 3)
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			if err := b.FailTx(ctx, tx, &w[0], inbox.Failure{Reason: "x: y", Wait: time.Hour}); err != nil {
				return err
			}
			return b.DoneTx(ctx, tx, &w[1], inbox.End{State: inbox.Dead, Reason: "x: y"})
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := b.Count(t.Context())
		c.Oldest = min(c.Oldest, time.Second) // whatever the machine
		if want := (inbox.Counts{Waiting: 5, Running: 1, Failed: 1, Dead: 1, Oldest: c.Oldest}); err != nil || c != want || c.Oldest <= 0 {
			t.Errorf("%+v, %v; want %+v", c, err, want)
		}
	})
}

// A process that is killed as soon as it has started does not come to what its
// predecessors died over twice, and so makes nothing look guilty.
func TestWaitAfterASecondDeath(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		start := func(n int) *inbox.Inbox {
			b := open(t, db, fmt.Sprint("process", n), time.Hour, func(o *inbox.Options) { o.CrashWait = time.Minute })
			if err := b.TakeOver(t.Context()); err != nil {
				t.Fatal(err)
			}
			return b
		}
		b := start(0)
		accept(t, b, event("e1", "alice"))
		claim(t, b, 1)
		if w := claimApart(t, start(1)); len(w) != 1 {
			t.Fatal("after one death it must not wait")
		}
		for n := 2; n < 10; n++ {
			if w := claimApart(t, start(n)); len(w) != 0 {
				t.Fatalf("claimed by process %d: %+v", n, w)
			}
		}
		if _, err := db.Maintenance().ExecContext(t.Context(), "UPDATE lanes SET ready_at = 1"); err != nil { // the wait is over
			t.Fatal(err)
		}
		if w := claimApart(t, start(10)); len(w) != 1 || w[0].CrashedAlone() != 0 {
			t.Errorf("%+v", w)
		}
	})
}
