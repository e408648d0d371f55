package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

func event(id, sender string) platforms.Event {
	return platforms.Event{
		Platform: "generic", ID: id, Kind: platforms.KindMessage, ChatType: platforms.Private,
		ChatID: sender, SenderID: sender, Text: "text of " + id, SentAt: time.Now(),
		ReplyTo: platforms.Address{ChatID: sender}, Metadata: map[string]any{"k": "v"},
	}
}

func open(t *testing.T, db *database.DB, owner string, lease time.Duration, changes ...func(*inbox.Options)) *inbox.Inbox {
	t.Helper()
	o := inbox.Options{
		Ledger: inbox.NewLedger(db, outbox.Table{DB: db}), Owner: owner, Lease: lease, Scope: inbox.ScopeThread, MentionsOnly: true,
		Group: func([]inbox.Event) int { return 1 },
	}
	for _, change := range changes {
		change(&o)
	}
	b, err := inbox.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// grouped has turns answer as many events as by says.
func grouped(by func([]inbox.Event) int) func(*inbox.Options) {
	return func(o *inbox.Options) { o.Group = by }
}

func accept(t *testing.T, b *inbox.Inbox, events ...platforms.Event) []inbox.Accepted {
	t.Helper()
	a, err := b.Accept(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func claim(t *testing.T, b *inbox.Inbox, n int) []inbox.Work {
	t.Helper()
	works, err := b.Claim(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return works
}

func done(ctx context.Context, b *inbox.Inbox, w *inbox.Work) error {
	return b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return b.DoneTx(ctx, tx, w, inbox.End{State: inbox.Sent})
	})
}

func TestAcceptOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		first := accept(t, b, event("e1", "alice"))[0]
		again := accept(t, b, event("e1", "alice"))[0]
		if first.Duplicate || !again.Duplicate || again.ID != first.ID || again.UserKey != "generic:private:alice" {
			t.Errorf("first %+v, again %+v", first, again)
		}
		// The same message under another event id, as Slack tells of a mention.
		mention, message := event("e2", "bob"), event("e3", "bob")
		mention.MessageKey, message.MessageKey = "C1:1.2", "C1:1.2"
		a := accept(t, b, mention)[0]
		if d := accept(t, b, message)[0]; !d.Duplicate || d.ID != a.ID {
			t.Errorf("second event of one message: %+v, want a duplicate of %d", d, a.ID)
		}
		other := event("e1", "alice")
		other.Platform = "other"
		if d := accept(t, b, other)[0]; d.Duplicate {
			t.Error("another platform's event of the same id is no duplicate")
		}
		if works := claim(t, b, 10); len(works) != 3 {
			t.Errorf("%d lanes to work on, want 3", len(works))
		}
	})
}

// What is ignored keeps its reason and never keeps the real event out.
func TestAcceptIgnored(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		plain, mention := event("e1", "alice"), event("e2", "alice")
		for _, e := range []*platforms.Event{&plain, &mention} {
			e.ChatType, e.ChatID, e.MessageKey = platforms.Group, "C1", "C1:7"
		}
		mention.Mentioned = true
		a := accept(t, b, plain)[0]
		if e, err := b.Get(t.Context(), a.ID); err != nil || e.State != inbox.Ignored || e.Error != "no mention in a group" {
			t.Errorf("got %v %q %v", e.State, e.Error, err)
		}
		if d := accept(t, b, mention)[0]; d.Duplicate {
			t.Error("the mention was taken for a duplicate of the ignored event")
		}
		if works := claim(t, b, 10); len(works) != 1 || works[0].Events[0].Event.ID != "e2" {
			t.Errorf("claimed %+v", works)
		}
	})
}

func TestAcceptInvalidStoresNothing(t *testing.T) {
	t.Parallel()
	b := open(t, dbtest.New(t), "me", time.Minute)
	bad := event("e2", "alice")
	bad.ChatType = "crowd"
	_, err := b.Accept(t.Context(), []platforms.Event{event("e1", "alice"), bad})
	if failure.KindOf(err) != failure.Invalid {
		t.Errorf("got %v", err)
	}
	if works := claim(t, b, 10); len(works) != 0 {
		t.Errorf("claimed %d lanes", len(works))
	}
}

func TestEventSurvivesStorage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		e := event("e1", "alice")
		e.Tenant, e.ThreadID, e.SenderName, e.Locale = "T1", "th", "Älice 🦜", "de"
		e.Text = "emoji 👍🏽, rtl שלום, quote ' and \\ and ? and \"x\""
		e.ReplyTo = platforms.Address{Tenant: "T1", ChatID: "alice", ThreadID: "th", Private: true, Extra: map[string]string{"response_url": "https://x.test/?a=1"}}
		e.Mentions = []platforms.Mention{{ID: "u1", Name: "Tom"}, {ID: "u2", Text: "@tom"}}
		accept(t, b, e)
		got := claim(t, b, 1)[0].Events[0].Event
		if got.Text != e.Text || got.SenderName != e.SenderName || !reflect.DeepEqual(got.ReplyTo, e.ReplyTo) || !reflect.DeepEqual(got.Mentions, e.Mentions) || got.Metadata["k"] != "v" ||
			got.Tenant != "T1" || !got.SentAt.Equal(e.SentAt) || got.UserKey() != e.UserKey() {
			t.Errorf("got %+v\nwant %+v", got, e)
		}
	})
}

func TestLaneKeepsOrderAndIsHeldByOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		for i := range 3 {
			accept(t, b, event(fmt.Sprint("e", i), "alice"))
		}
		for i := range 3 {
			works := claim(t, b, 10)
			if len(works) != 1 || works[0].Events[0].Event.ID != fmt.Sprint("e", i) {
				t.Fatalf("round %d: %+v", i, works)
			}
			if more := claim(t, b, 10); len(more) != 0 {
				t.Fatal("a held lane was claimed again")
			}
			if err := done(t.Context(), b, &works[0]); err != nil {
				t.Fatal(err)
			}
		}
		if works := claim(t, b, 10); len(works) != 0 {
			t.Errorf("work left: %+v", works)
		}
		if c, err := b.Count(t.Context()); c.Waiting != 0 || err != nil {
			t.Errorf("%d wait, %v", c.Waiting, err)
		}
	})
}

// Over two connections what was said first may come last: a claim is in the
// order of the platform's time, where that can be right, and what has begun
// stays in front.
func TestClaimIsInTheOrderOfWhatWasSaid(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute, grouped(func(events []inbox.Event) int { return len(events) }))
		now := db.Now()
		say := func(id string, ago time.Duration) {
			e := event(id, "alice")
			e.SentAt = now.Add(-ago)
			accept(t, b, e)
		}
		order := func() (ids []string) {
			for _, e := range claim(t, b, 1)[0].Events {
				ids = append(ids, e.Event.ID)
			}
			return ids
		}
		say("third", time.Second)
		say("first", 3*time.Second)
		say("second", 2*time.Second)
		say("years ago", 50_000*time.Hour) // counts as said when it came
		if got, want := order(), []string{"first", "second", "third", "years ago"}; !reflect.DeepEqual(got, want) {
			t.Errorf("claimed %q, want %q", got, want)
		}
		say("before all", 4*time.Second)
		if err := b.TakeOver(t.Context()); err != nil { // they have begun
			t.Fatal(err)
		}
		works, err := b.ClaimAs(t.Context(), inbox.Quarantine, 1)
		if err != nil || len(works) != 1 || works[0].Events[0].Event.ID == "before all" {
			t.Errorf("%+v, %v", works, err)
		}
	})
}

// The order holds however much waits and however long ago it was said, and through
// the death of a process. What is being answered keeps its place, and grows.
func TestOrderOfWhatWasSaidHolds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		together := 2
		b := open(t, db, "me", time.Minute, grouped(func([]inbox.Event) int { return together }))
		now := db.Now()
		say := func(id string, ago time.Duration) {
			e := event(id, "alice")
			e.SentAt = now.Add(-ago)
			accept(t, b, e)
		}
		ids := func(w inbox.Work) (ids []string) {
			for _, e := range w.Events {
				ids = append(ids, e.Event.ID)
			}
			return ids
		}
		for i := range inbox.MaxBatch + 3 {
			say(fmt.Sprint("e", i), 61*time.Second-time.Duration(i)*time.Second) // one of them more than a minute ago
		}
		say("first", 2*time.Minute)
		w := claim(t, b, 1)[0]
		if got, want := ids(w), []string{"first", "e0"}; !reflect.DeepEqual(got, want) {
			t.Fatalf("claimed %q, want %q", got, want)
		}
		together = 3
		say("before all", 3*time.Minute)
		if grown, err := b.Grown(t.Context(), &w); !grown || err != nil {
			t.Errorf("what is answered has grown: %v, %v", grown, err)
		}
		if err := b.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		together = 1
		works := claimApart(t, b)
		for _, want := range []string{"first", "e0", "before all", "e1"} {
			if got := ids(works[0]); !reflect.DeepEqual(got, []string{want}) {
				t.Fatalf("claimed %q, want %q", got, want)
			}
			if err := done(t.Context(), b, &works[0]); err != nil {
				t.Fatal(err)
			}
			works = claim(t, b, 1)
		}
	})
}

// Work done after losing the lease must not count.
func TestLostLeaseIsFenced(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		slow, quick := open(t, db, "slow", time.Millisecond), open(t, db, "quick", time.Minute)
		accept(t, slow, event("e1", "alice"))
		lost := claim(t, slow, 1)
		var taken []inbox.Work
		for len(taken) == 0 { // until the lease of a millisecond is over
			claim(t, quick, 1)
			taken = claimApart(t, quick)
		}
		if lost[0].Lease.Left() > 0 {
			t.Error("the loser still believes in its lease")
		}
		if err := done(t.Context(), slow, &lost[0]); !errors.Is(err, inbox.ErrLeaseLost) {
			t.Errorf("got %v, want ErrLeaseLost", err)
		}
		if err := slow.Extend(t.Context(), []*inbox.Lease{lost[0].Lease}); err != nil || lost[0].Lease.Left() > 0 {
			t.Errorf("a lost lease was extended (%v)", err)
		}
		if err := done(t.Context(), quick, &taken[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestFailedWaits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		a := accept(t, b, event("e1", "alice"))[0]
		fail := func(f inbox.Failure) {
			w := claim(t, b, 1)
			if len(w) != 1 {
				t.Fatal("nothing to claim")
			}
			if err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return b.FailTx(ctx, tx, &w[0], f) }); err != nil {
				t.Fatal(err)
			}
		}
		fail(inbox.Failure{Reason: "x: first", Counts: true})
		fail(inbox.Failure{Reason: "x: asked again", Counts: false})
		fail(inbox.Failure{Reason: "x: second", Wait: time.Hour, Counts: true})
		accept(t, b, event("e2", "alice")) // does not overtake
		if w := claim(t, b, 10); len(w) != 0 {
			t.Errorf("claimed during the wait: %+v", w)
		}
		e, err := b.Get(t.Context(), a.ID)
		if err != nil || e.Failures != 2 || e.State != inbox.Failed || e.Error != "x: second" || len(e.Steps) != 7 ||
			e.NextAttemptAt.Before(time.Now().Add(59*time.Minute)) {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func TestReleaseAndTakeOver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "before", time.Hour)
		accept(t, b, event("e1", "alice"))
		w := claim(t, b, 1)
		if err := b.Release(t.Context(), &w[0], "handed back"); err != nil {
			t.Fatal(err)
		}
		w = claim(t, b, 1)
		if len(w) != 1 || w[0].Events[0].Attempts != 0 {
			t.Fatalf("after the release: %+v", w)
		}
		next := open(t, db, "after", time.Hour)
		if err := next.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w := claimApart(t, next); len(w) != 1 {
			t.Error("a restarted process must take up what was claimed before")
		}
		if err := done(t.Context(), b, &w[0]); !errors.Is(err, inbox.ErrLeaseLost) {
			t.Errorf("got %v, want ErrLeaseLost", err)
		}
	})
}

// Several workers of several replicas: each event once, in order within its lane.
func TestManyClaimers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		const lanes, perLane = 12, 15
		var inboxes []*inbox.Inbox
		for i := range 4 {
			inboxes = append(inboxes, open(t, db, fmt.Sprint("replica", i), time.Minute))
		}
		var mu sync.Mutex
		seen := map[string][]string{}
		total := 0
		var wg sync.WaitGroup
		for l := range lanes {
			wg.Go(func() {
				for i := range perLane {
					b := inboxes[(l+i)%len(inboxes)]
					if _, err := b.Accept(t.Context(), []platforms.Event{event(fmt.Sprintf("%d-%03d", l, i), fmt.Sprint("u", l))}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for _, b := range inboxes {
			wg.Go(func() {
				for {
					works, err := b.Claim(t.Context(), 3)
					if err != nil {
						t.Error(err)
						return
					}
					for i := range works {
						e := works[i].Events[0].Event
						mu.Lock()
						seen[e.SenderID] = append(seen[e.SenderID], e.ID)
						total++
						mu.Unlock()
						if err := done(t.Context(), b, &works[i]); err != nil {
							t.Error(err)
						}
					}
					mu.Lock()
					n := total
					mu.Unlock()
					if n >= lanes*perLane {
						return
					}
				}
			})
		}
		wg.Wait()
		if total != lanes*perLane {
			t.Errorf("%d events handed out, want %d", total, lanes*perLane)
		}
		for who, ids := range seen {
			for i := range ids {
				if i > 0 && ids[i] <= ids[i-1] {
					t.Errorf("%s: %s after %s", who, ids[i], ids[i-1])
				}
			}
		}
	})
}

func TestTrimKeepsYoungAndOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		old := accept(t, b, event("old", "alice"))[0]
		waiting := accept(t, b, event("waiting", "bob"))[0]
		for range 2 {
			w := claim(t, b, 1)
			if len(w) == 1 && w[0].Events[0].ID == old.ID {
				if err := done(t.Context(), b, &w[0]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := b.Trim(t.Context(), time.Hour); n != 0 || err != nil {
			t.Fatalf("trimmed %d young events, %v", n, err)
		}
		if _, err := db.Maintenance().ExecContext(t.Context(), "UPDATE events SET received_at = 1, updated_at = 1"); err != nil {
			t.Fatal(err)
		}
		young := accept(t, b, event("young", "carol"))[0]
		if n, err := b.Trim(t.Context(), time.Hour); n != 1 || err != nil {
			t.Errorf("trimmed %d, %v; want the one old finished event", n, err)
		}
		if _, err := b.Get(t.Context(), old.ID); failure.KindOf(err) != failure.NotFound {
			t.Errorf("got %v", err)
		}
		for _, id := range []int64{waiting.ID, young.ID} {
			if _, err := b.Get(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		if err := b.TrimLanes(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
}

// A full disk is an error that says "again", stores nothing, and passes.
func TestAcceptOnFullDisk(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	b := open(t, db, "me", time.Minute)
	limit := func(pages string) {
		if _, err := db.Maintenance().ExecContext(t.Context(), "PRAGMA max_page_count = "+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite takes what is in use as the least
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = b.Accept(t.Context(), []platforms.Event{event(fmt.Sprint("full", i), "alice")})
	}
	if failure.KindOf(err) != failure.Unavailable {
		t.Fatalf("got %v", err)
	}
	limit("1073741823")
	if a := accept(t, b, event("after", "alice"))[0]; a.Duplicate {
		t.Error("the event was stored after all")
	}
}

func TestReplayAndDiscard(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		ignored := event("ignored", "alice")
		ignored.Ignore = "own message"
		a := accept(t, b, ignored, event("waits", "bob"))
		if err := b.Replay(t.Context(), a[1].ID); failure.KindOf(err) != failure.Conflict {
			t.Errorf("a waiting event was replayed: %v", err)
		}
		if err := b.Replay(t.Context(), 999); failure.KindOf(err) != failure.NotFound {
			t.Errorf("got %v", err)
		}
		if err := b.Replay(t.Context(), a[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := b.Discard(t.Context(), a[1].ID); err != nil {
			t.Fatal(err)
		}
		works := claim(t, b, 10)
		if len(works) != 1 || works[0].Events[0].ID != a[0].ID {
			t.Fatalf("claimed %+v, want the replayed event alone", works)
		}
		if err := b.Discard(t.Context(), a[0].ID); failure.KindOf(err) != failure.Conflict {
			t.Errorf("a running event was discarded: %v", err)
		}
		if err := done(t.Context(), b, &works[0]); err != nil {
			t.Fatal(err)
		}
		list, next, err := b.List(t.Context(), inbox.ListOptions{Limit: 1})
		if err != nil || len(list) != 1 || next != a[1].ID || list[0].State != inbox.Discarded {
			t.Errorf("%+v, next %d, %v", list, next, err)
		}
		for status, want := range map[inbox.State]int{inbox.Sent: 1, inbox.Discarded: 1, inbox.Dead: 0, inbox.Received: 0} {
			if list, _, err := b.List(t.Context(), inbox.ListOptions{Status: status}); err != nil || len(list) != want {
				t.Errorf("status %s: %d events, %v", status, len(list), err)
			}
		}
		if e, err := b.Lookup(t.Context(), "ignored"); err != nil || e.ID != a[0].ID {
			t.Errorf("%+v, %v", e, err)
		}
	})
}
