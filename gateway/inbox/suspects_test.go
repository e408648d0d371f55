package inbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// claimSuspect takes the suspect that is next, by a process with nothing else to do.
func claimSuspect(t *testing.T, b *inbox.Inbox) []inbox.Work {
	t.Helper()
	w, err := b.ClaimSuspect(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if w == nil {
		return nil
	}
	return []inbox.Work{*w}
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

// An event that kills its process is found among those that ran beside it, and
// is dead after it has done so three times alone. The others are answered.
func TestPoisonIsFoundAmongSuspects(t *testing.T) {
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
		// live is one process: it answers suspects one after another until the
		// poison kills it, or until there are none.
		live := func() (killer *inbox.Work) {
			b = restart(t, db, &starts)
			if w := claim(t, b, 10); len(w) != 0 {
				t.Fatalf("suspects were claimed side by side: %+v", w)
			}
			for w := claimSuspect(t, b); len(w) == 1; w = claimSuspect(t, b) {
				if w[0].Events[0].ID == poison {
					return &w[0]
				}
				answered[w[0].Events[0].Event.ID]++
				if w[0].Alone() {
					t.Error("never died as a suspect, and yet runs with nothing beside it")
				}
				if err := done(t.Context(), b, &w[0]); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		}
		for _, alone := range []int64{-1, 0, 1, 2, inbox.MaxCrashes} { // deaths before, -1: runs beside others
			w := live()
			if w == nil || w.Alone() != (alone >= 0) || w.CrashedAlone() != max(0, alone) || w.Events[0].Attempts != 0 {
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

// A suspect that must run alone is left to a process that can do that.
func TestSuspectThatMustRunAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		starts := 0
		b := restart(t, db, &starts)
		accept(t, b, event("e1", "alice"))
		claim(t, b, 1)
		b = restart(t, db, &starts)
		if waits, alone, err := b.Suspect(t.Context()); !waits || alone || err != nil {
			t.Errorf("after one death: waits %v, alone %v, %v", waits, alone, err)
		}
		claimSuspect(t, b)
		b = restart(t, db, &starts)
		if waits, alone, err := b.Suspect(t.Context()); !waits || !alone || err != nil {
			t.Errorf("after two deaths: waits %v, alone %v, %v", waits, alone, err)
		}
		if w, err := b.ClaimSuspect(t.Context(), false); w != nil || err != nil {
			t.Errorf("claimed by a busy process: %+v, %v", w, err)
		}
		w := claimSuspect(t, b)
		if len(w) != 1 || !w[0].Alone() || w[0].CrashedAlone() != 0 {
			t.Fatalf("%+v", w)
		}
		if waits, _, err := b.Suspect(t.Context()); waits || err != nil {
			t.Errorf("it is being answered, and waits: %v, %v", waits, err)
		}
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
			if waits, _, err := alive.Suspect(t.Context()); err != nil {
				t.Fatal(err)
			} else if waits {
				break
			}
		}
		if err := done(t.Context(), dead, &again[0]); err == nil {
			t.Error("the dead process committed")
		}
		w := claimSuspect(t, alive)
		if len(w) != 1 || w[0].Alone() {
			t.Fatalf("%+v", w)
		}
	})
}

// However a suspect's turn ends, its lane is an ordinary one afterwards; only
// a shutdown proves nothing.
func TestWhatClearsASuspect(t *testing.T) {
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
			accept(t, b, event("e2", "alice")) // waits behind, in the suspects' queue
			w := claimSuspect(t, b)
			if len(w) != 1 || len(w[0].Events) != 1 || w[0].Events[0].Event.ID != "e1" {
				t.Fatalf("%+v", w)
			}
			if err := c.end(t.Context(), b, &w[0]); err != nil {
				t.Fatal(err)
			}
			if n := len(claim(t, b, 1)); (n == 1) != c.clear {
				t.Errorf("%d lanes in the everyday queue", n)
			}
			if waits, alone, err := b.Suspect(t.Context()); waits == c.clear || alone || err != nil {
				t.Errorf("waits as a suspect %v, alone %v, %v", waits, alone, err)
			}
		})
	}
}

// Once its reply is made, a suspect is no longer blamed for the deaths before.
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
			if w = claimSuspect(t, b); len(w) != 1 || w[0].CrashedAlone() != deaths {
				t.Fatalf("%+v; want %d deaths", w, deaths)
			}
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return b.AnsweredTx(ctx, tx, &w[0], 1, "") })
		if err != nil {
			t.Fatal(err)
		}
		b = restart(t, db, &starts)
		if w = claimSuspect(t, b); len(w) != 1 || w[0].CrashedAlone() != 0 {
			t.Errorf("%+v; want the deaths forgotten", w)
		}
	})
}

func TestGrownAndInterrupt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Hour)
		b.Group = func(events []inbox.Event) int { // up to a command
			n := 1
			for n < len(events) && events[n].Event.Kind != platforms.KindCommand && events[0].Event.Kind != platforms.KindCommand {
				n++
			}
			return n
		}
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
			return b.DoneTx(ctx, tx, &w[1], inbox.Dead, "x: y", "")
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

// A process that is killed as soon as it has started comes to no suspect that
// has died before, and so makes none look guilty.
func TestSuspectWaitsAfterASecondDeath(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		start := func(n int) *inbox.Inbox {
			b := open(t, db, fmt.Sprint("process", n), time.Hour)
			b.CrashWait = time.Minute
			if err := b.TakeOver(t.Context()); err != nil {
				t.Fatal(err)
			}
			return b
		}
		b := start(0)
		accept(t, b, event("e1", "alice"))
		claim(t, b, 1)
		if w := claimSuspect(t, start(1)); len(w) != 1 {
			t.Fatal("after one death it must not wait")
		}
		for n := 2; n < 10; n++ {
			if w := claimSuspect(t, start(n)); len(w) != 0 {
				t.Fatalf("claimed by process %d: %+v", n, w)
			}
		}
		if _, err := db.Maintenance().ExecContext(t.Context(), "UPDATE lanes SET ready_at = 1"); err != nil { // the wait is over
			t.Fatal(err)
		}
		if w := claimSuspect(t, start(10)); len(w) != 1 || w[0].CrashedAlone() != 0 {
			t.Errorf("%+v", w)
		}
	})
}
