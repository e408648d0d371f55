package inbox_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// One message is one message whatever tenant it is told under.
func TestMessageIsKnownUnderAnyTenant(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "a", time.Minute)
		first := accept(t, b, told("E1", "TO", ""))[0]
		if a := accept(t, b, told("E2", "T1", "TO"))[0]; !a.Duplicate || a.ID != first.ID {
			t.Errorf("%+v, want a repeat of %+v", a, first)
		}
		other := told("E3", "T1", "TO")
		other.App = "A2"
		if a := accept(t, b, other)[0]; a.Duplicate {
			t.Errorf("to another app: %+v", a)
		}
	})
}

// told tells of one message of Slack.
func told(id, tenant, former string) platforms.Event {
	e := event(id, "U1")
	e.Platform, e.App, e.Tenant, e.FormerTenant, e.MessageKey = "slack", "A1", tenant, former, "C1:1700000000.000200"
	return e
}

// What an earlier version has stored is known and can be taken back, whatever its
// key was.
func TestMessagesOfEarlierVersionsAreKnown(t *testing.T) {
	t.Parallel()
	for name, key := range map[string][]byte{
		"of its app and workspace": database.Hash("message", "slack", "TO", "A1", "C1:1700000000.000200"),
		"of its app":               database.Hash("message", "slack", "A1", "C1:1700000000.000200"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				first := accept(t, open(t, db, "a", time.Minute), told("E1", "TO", ""))[0]
				err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
					_, err := tx.NewRaw("UPDATE events SET message_key = ?, received_at = 1 WHERE id = ?", key, first.ID).Exec(ctx)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				b := open(t, db, "b", time.Minute, func(o *inbox.Options) { o.KeysSince = time.Now().Add(-time.Hour) })
				for i, e := range []platforms.Event{told("E2", "T1", "TO"), told("E3", "TO", "")} {
					if a := accept(t, b, e)[0]; !a.Duplicate || a.ID != first.ID || a.EventID != "E1" {
						t.Errorf("%d: %+v, want a repeat of %+v", i, a, first)
					}
				}
				next := told("E4", "T1", "TO")
				next.MessageKey = "C1:1700000000.000201"
				if a := accept(t, b, next)[0]; a.Duplicate {
					t.Errorf("another message: %+v", a)
				}
				back := told("E5", "T1", "TO")
				back.MessageKey, back.Retracts, back.Ignore = "", "C1:1700000000.000200", "message taken back"
				if a := accept(t, b, back)[0]; a.CallsOff != first.ID || a.Signal != inbox.Retracted {
					t.Errorf("%+v, want %d called off", a, first.ID)
				}
			})
		})
	}
}

// New messages stand side by side in the index, whatever chats they come from: a
// commit writes a page of it or two, not one for each message.
func TestNewMessagesStandTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "a", time.Minute)
		var want []int64
		for i := range 40 {
			e := told(fmt.Sprint("E", i), "T1", "")
			e.MessageKey = fmt.Sprintf("C%d:1700000000.%06d", i*7919%101, i*100)
			want = append(want, accept(t, b, e)[0].ID)
		}
		got, err := database.Values[int64](t.Context(), db, db.Read(), "SELECT id FROM events ORDER BY message_key")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// Twins that arrive together, in one webhook, in one commit or on several
// replicas, are one event: one of them is new, and all get its id.
func TestTwinsTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		replicas := []*inbox.Inbox{open(t, db, "a", time.Minute), open(t, db, "b", time.Minute)}
		const each, copies = 20, 6
		var mu sync.Mutex
		ids, fresh := map[string]map[int64]bool{}, map[string]int{}
		note := func(key string, a inbox.Accepted) {
			mu.Lock()
			defer mu.Unlock()
			if ids[key] == nil {
				ids[key] = map[int64]bool{}
			}
			ids[key][a.ID] = true
			if !a.Duplicate {
				fresh[key]++
			}
		}
		var wg sync.WaitGroup
		for c := range copies {
			wg.Go(func() {
				for i := range each {
					plain, mention := event(fmt.Sprint("plain", i), fmt.Sprint("u", i%3)), event(fmt.Sprint("mention", i, "-", c), "bob")
					mention.MessageKey = fmt.Sprint("C1:", i) // one message under several event ids
					a, err := replicas[c%2].Accept(t.Context(), []platforms.Event{plain, mention, plain})
					if err != nil {
						t.Error(err)
						return
					}
					note(plain.ID, a[0])
					note(plain.ID, a[2])
					note(mention.MessageKey, a[1])
				}
			})
		}
		wg.Wait()
		if len(ids) != 2*each {
			t.Fatalf("%d events, want %d", len(ids), 2*each)
		}
		for key := range ids {
			if len(ids[key]) != 1 || fresh[key] != 1 || ids[key][0] {
				t.Errorf("%s: ids %v, %d of them new; want one", key, ids[key], fresh[key])
			}
		}
		if c, err := replicas[0].Count(t.Context()); c.Waiting != 2*each || err != nil {
			t.Errorf("%d events wait (%v), want %d", c.Waiting, err, 2*each)
		}
	})
}

// An id belongs to the message that took it: whatever else comes under it is
// told apart, also when both come at once, in one batch or on two replicas.
func TestIDBelongsToItsMessage(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*platforms.Event){
		"sender": func(e *platforms.Event) { e.SenderID = "mallory" },
		"chat":   func(e *platforms.Event) { e.ChatID = "elsewhere" },
		"kind":   func(e *platforms.Event) { e.ChatType, e.Mentioned = platforms.Group, true },
		"thread": func(e *platforms.Event) { e.ThreadID = "T2" },
		"text":   func(e *platforms.Event) { e.Text += "!" },
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		replicas := []*inbox.Inbox{open(t, db, "a", time.Minute), open(t, db, "b", time.Minute)}
		for name, change := range changes {
			first, again, other := event(name, "alice"), event(name, "alice"), event(name, "alice")
			again.SenderName, again.Locale, again.Metadata = "Alice", "de", nil // other bytes, the same message
			change(&other)
			a := accept(t, replicas[0], first, again, other)
			if a[0].Differs || a[1].Differs || !a[1].Duplicate || !a[2].Differs || !a[2].Duplicate {
				t.Errorf("another %s, in one batch: %+v", name, a)
			}
			b := accept(t, replicas[1], other)[0]
			if !b.Differs || b.ID != a[0].ID || b.UserKey != "generic:private:alice" {
				t.Errorf("another %s, later: %+v", name, b)
			}
		}
		for i := range 30 {
			var wg sync.WaitGroup
			var results [2]inbox.Accepted
			for n, sender := range []string{"alice", "bob"} {
				wg.Go(func() {
					a, err := replicas[n].Accept(t.Context(), []platforms.Event{event(fmt.Sprint("race", i), sender)})
					if err != nil {
						t.Error(err)
						return
					}
					results[n] = a[0]
				})
			}
			wg.Wait()
			if results[0].Differs == results[1].Differs || results[0].Duplicate == results[1].Duplicate || results[0].Differs != results[0].Duplicate {
				t.Errorf("race %d: %+v; want one stored, the other told apart", i, results)
			}
		}
	})
}

// What was erased since is a repeat, whatever it says: nothing is left to
// compare it with.
func TestErasedIDIsARepeat(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "a", time.Minute)
		a := accept(t, b, event("e1", "alice"))[0]
		if err := b.Erase(t.Context(), "", []string{a.UserKey}, a.ID); err != nil {
			t.Fatal(err)
		}
		again := accept(t, b, event("e1", "alice"))[0]
		if !again.Duplicate || again.Differs || again.ID != a.ID || again.UserKey != a.UserKey {
			t.Errorf("%+v, want a repeat of %+v", again, a)
		}
	})
}

// Each event can be named, whatever the others are called.
func TestLookup(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "a", time.Minute)
		ours := accept(t, b, event("plain", "alice"))[0]
		number, shop := event(fmt.Sprint(ours.ID), "mallory"), event(fmt.Sprint(ours.ID), "carol")
		shop.Platform = "shop"
		prefixed := event("generic:"+number.ID, "mallory")
		a := accept(t, b, number, shop, prefixed)
		for ref, want := range map[string]int64{
			number.ID: ours.ID, "plain": ours.ID, "generic:plain": ours.ID,
			"generic:" + number.ID: a[0].ID, "shop:" + number.ID: a[1].ID, "generic:generic:" + number.ID: a[2].ID,
		} {
			if e, err := b.Lookup(t.Context(), ref); err != nil || e.ID != want {
				t.Errorf("%q is event %d (%v), want %d", ref, e.ID, err, want)
			}
		}
		for _, ref := range []string{"shop:plain", "none", "generic:", ":plain", "0", "-1"} {
			if e, err := b.Lookup(t.Context(), ref); failure.KindOf(err) != failure.NotFound {
				t.Errorf("%q is event %d, %v", ref, e.ID, err)
			}
		}
	})
}

// A lane's events are found in their order wherever in a long queue they stand.
func TestLaneInALongQueue(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "me", time.Minute)
		for i := range 7 {
			accept(t, b, event(fmt.Sprint("rare", i), "rare"))
			crowd := make([]platforms.Event, 700)
			for n := range crowd {
				crowd[n] = event(fmt.Sprint("crowd", i, "-", n), "crowd")
			}
			accept(t, b, crowd...)
		}
		rare, crowd := 0, 0
		for range 9 {
			for _, w := range claim(t, b, 2) {
				want := fmt.Sprint("rare", rare)
				if w.Events[0].Event.SenderID == "crowd" {
					want = fmt.Sprint("crowd0-", crowd)
					crowd++
				} else {
					rare++
				}
				if w.Events[0].Event.ID != want {
					t.Fatalf("got %s, want %s", w.Events[0].Event.ID, want)
				}
				if err := done(t.Context(), b, &w); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rare != 7 || crowd != 9 {
			t.Errorf("answered %d of 7 and %d of 9", rare, crowd)
		}
	})
}

// Who is named in what an earlier version has stored stands in its metadata.
func TestFormerMentions(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	b := open(t, db, "me", time.Minute)
	e := event("e1", "alice")
	e.Metadata = map[string]any{"mentions": []any{map[string]any{"id": "u1", "name": "Tom"}, map[string]any{"id": "u2", "text": "@ann"}}}
	accept(t, b, e)
	want := []platforms.Mention{{ID: "u1", Name: "Tom"}, {ID: "u2", Text: "@ann"}}
	if got := claim(t, b, 1)[0].Events[0].Event.Mentions; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
