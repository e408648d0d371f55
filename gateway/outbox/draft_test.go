package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// board is a wall whose notes can be changed. Its handles hold more than the
// message's id.
type board struct{ *wall }

func (b board) Streams(to platforms.Address) bool { return to.ChatID != "nostreams" }

func (b board) Open(_ context.Context, _ platforms.Address, p platforms.Part) (handle string, err error) {
	return handle, b.do("open", func() error { handle = b.add(p, true) + " card"; return nil })
}

func (b board) Edit(_ context.Context, _ platforms.Address, handle, text string, seq int64) error {
	return b.do("edit", func() error { return b.change(handle, text, seq, true) })
}

func (b board) Close(_ context.Context, _ platforms.Address, handle string, p platforms.Part, seq int64) error {
	return b.do("close", func() error { b.parts = append(b.parts, p); return b.change(handle, p.Text, seq, false) })
}

// Find finds what grows by its handle.
func (b board) Find(ctx context.Context, to platforms.Address, p platforms.Part, since time.Time) (f platforms.Finding, id string, err error) {
	f, id, err = b.wall.Find(ctx, to, p, since)
	if p.Opened {
		id += " card"
	}
	return f, id, err
}

func (b board) Withdraw(_ context.Context, _ platforms.Address, handle string) error {
	return b.do("withdraw", func() error { return b.change(handle, "(gone)", 1<<40, false) })
}

// change refuses what comes too late.
func (b board) change(handle, text string, seq int64, grows bool) error {
	var n int
	if _, err := fmt.Sscanf(handle, "m%d card", &n); err != nil {
		return err
	}
	at := b.shown[n-1]
	if seq <= at.seq {
		return failure.New(failure.Permanent, "late", "", nil)
	}
	at.text, at.seq, at.grows = text, seq, grows
	return nil
}

// begin has a reply grow for as long as its model takes.
func (k desk) begin(t *testing.T, d *outbox.Delivery) *outbox.Draft {
	t.Helper()
	g := k.Draft(d, keyOf(d), holds, forHours)
	g.Begin(t.Context())
	return g
}

func holds(context.Context, database.Tx) error { return nil }

// say gives a draft words one by one, a second apart.
func say(g *outbox.Draft, words ...string) {
	for _, word := range words {
		g.Delta(word)
		time.Sleep(time.Second)
	}
}

// end is what a turn does with a reply that was begun.
func (k desk) end(t *testing.T, d *outbox.Delivery, first bool) {
	t.Helper()
	if err := k.Begun(t.Context(), d, first); err != nil {
		t.Fatal(err)
	}
	k.seal(t, d)
}

// A reply is shown while it is made, in the message that it ends as, and the
// ledger is a step ahead of the chat.
func TestReplyGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
		w.at = func(when string) error {
			switch when {
			case "before open":
				k.wantStates(t, 1, "sending:?")
			case "before edit", "before close":
				if got := k.states(t, 1); !strings.HasPrefix(got, "sending:m1 card") {
					t.Errorf("%s the ledger says %q", when, got)
				}
			}
			return nil
		}
		say(k.begin(t, reply(1, "C1", "")), "one ", "two ", "three")
		same(t, "meanwhile", w.texts(), "one two three…")
		if id, err := k.OfMessage(t.Context(), &platforms.Event{Platform: "wall", ChatID: "C1", Press: &platforms.Press{MessageID: "m1"}}); id != 1 || err != nil {
			t.Errorf("its stop button is of %d, %v", id, err)
		}
		d := reply(1, "C1", "one two three four|five")
		k.end(t, d, true)
		k.delivered(t, d)
		same(t, "shown", w.texts(), "one two three four", "five")
		if calls := w.made(); calls != "open/edit/close/send" {
			t.Errorf("calls %q", calls)
		}
		if d.Tries() != 3 {
			t.Errorf("%d tries: what was opened, closed and sent", d.Tries())
		}
		if !w.parts[0].Opened || w.parts[0].Key != w.parts[1].Key || w.parts[1].Key == w.parts[2].Key {
			t.Errorf("%+v", w.parts)
		}
	})
}

// A reply whose commit failed does not take the message with it: what the same
// attempt says in its place goes on there.
func TestSecondReplyOfAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
		say(k.begin(t, reply(1, "C1", "")), "one ", "two ", "three")
		if err := k.Begun(t.Context(), reply(1, "C1", "one two three four"), true); err != nil {
			t.Fatal(err)
		}
		d := reply(1, "C1", "There is no reply.")
		k.end(t, d, true)
		k.delivered(t, d)
		same(t, "shown", w.texts(), "There is no reply.")
	})
}

// What is whole before anybody could read along is sent at once, and so is what
// the chat, the lease or the platform has no room for.
func TestReplyDoesNotGrow(t *testing.T) {
	t.Parallel()
	whole := failure.New(failure.Permanent, "no_streams", "", nil)
	for _, tt := range []struct {
		name  string
		words []string
		at    func(string) error
		hold  error
		left  time.Duration
		calls string
	}{
		{name: "fast", words: []string{"hello"}, left: time.Hour, calls: "send"},
		{name: "no words yet", words: []string{" ", "\n", " "}, left: time.Hour, calls: "send"},
		{name: "short lease", words: []string{"hello ", "there"}, left: outbox.SendLimit - 1, calls: "send"},
		{name: "lost lease", words: []string{"hello ", "there"}, hold: errors.New("lost"), left: time.Hour, calls: "send"},
		{name: "not opened", words: []string{"hello ", "there"}, at: once("before open", whole), left: time.Hour, calls: "open/send"},
		{name: "not now", words: []string{"hello ", "there"}, at: once("before open", failure.New(failure.Retry, "busy", "", nil)), left: time.Hour, calls: "open/send"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wall{at: tt.at}
				k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
				d := reply(1, "C1", "hello there")
				g := k.Draft(reply(1, "C1", ""), keyOf(d), func(context.Context, database.Tx) error { return tt.hold }, func() time.Duration { return tt.left })
				g.Begin(t.Context())
				say(g, tt.words...)
				k.end(t, d, true)
				k.delivered(t, d)
				same(t, "shown", w.texts(), "hello there")
				if calls := w.made(); calls != tt.calls {
					t.Errorf("calls %q", calls)
				}
			})
		})
	}
}

// An answer that was lost, a message that is gone or cannot be changed now: the
// reply is whole and there once, unless its message was taken away.
func TestGrowingMeetsFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, step string
		kind       failure.Kind
		first      failure.Kind // of the first delivery; Internal: it is well
		calls      string
		shown      []string
	}{
		{"the answer to the opening is lost", "after open", failure.Ambiguous, failure.Internal, "open/find/close", []string{"one two three"}},
		{"a change is refused", "before edit", failure.Permanent, failure.Internal, "open/edit/close", []string{"one two three"}},
		{"a change has to wait", "before edit", failure.Retry, failure.Internal, "open/edit/edit/close", []string{"one two three"}},
		{"the end has to wait", "before close", failure.Retry, failure.Retry, "open/edit/close/close", []string{"one two three"}},
		{"the answer to the end is lost", "after close", failure.Ambiguous, failure.Ambiguous, "open/edit/close/close", []string{"one two three"}},
		{"it is gone", "before close", failure.Permanent, failure.Internal, "open/edit/close/send", []string{"one two three…", "one two three"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wall{at: once(tt.step, failure.New(tt.kind, "odd", "", nil))}
				k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
				say(k.begin(t, reply(1, "C1", "")), "one ", "two ", "three", "")
				time.Sleep(5 * time.Second)
				d := reply(1, "C1", "one two three")
				k.end(t, d, true)
				if tt.first == failure.Internal {
					k.delivered(t, d)
				} else {
					if ended, err := k.deliver(t, d); ended || !is(err, tt.first, "odd") || !errors.Is(err, outbox.ErrHeld) {
						t.Fatalf("ended %v, %v", ended, err)
					}
					k.delivered(t, k.load(t, 1))
				}
				same(t, "shown", w.texts(), tt.shown...)
				if calls := w.made(); calls != tt.calls {
					t.Errorf("calls %q, want %q", calls, tt.calls)
				}
				if keys := w.parts; tt.name == "it is gone" && keys[len(keys)-1].Key != keys[0].Key+"r" {
					t.Errorf("sent anew as %s, opened as %s", keys[len(keys)-1].Key, keys[0].Key)
				}
			})
		})
	}
}

// A message whose opening nobody has heard of is looked for among those that
// grow, and only where no other reply may have opened it.
func TestOpeningInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{at: once("after open", failure.New(failure.Ambiguous, "cut", "", nil))}
		b := &asking{board: board{w}}
		k := newDesk(dbtest.New(t), b, outbox.Options{})
		say(k.begin(t, reply(1, "C1", "")), "one ", "two")
		d := reply(1, "C1", "one two")
		k.end(t, d, true)
		k.delivered(t, k.load(t, 1))
		if len(b.looked) != 1 || !b.looked[0].Opened || b.looked[0].Rivals == nil {
			t.Errorf("looked for %+v", b.looked)
		}
		same(t, "shown", w.texts(), "one two")
	})
}

// asking keeps what was looked for.
type asking struct {
	board

	looked []platforms.Part
}

func (a *asking) Find(ctx context.Context, to platforms.Address, p platforms.Part, since time.Time) (platforms.Finding, string, error) {
	a.looked = append(a.looked, p)
	return a.board.Find(ctx, to, p, since)
}

// Whoever goes on with a message of a process that died has the last word, even
// when that process wakes up.
func TestGrowingIsTakenOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, db := &wall{}, dbtest.New(t)
		first, second := newDesk(db, board{w}, outbox.Options{}), newDesk(db, board{w}, outbox.Options{})
		frozen := first.begin(t, reply(1, "C1", ""))
		say(frozen, "an ", "old ")
		say(second.begin(t, reply(1, "C1", "")), "a ", "new ", "reply")
		say(frozen, "word") // it wakes up
		same(t, "meanwhile", w.texts(), "a new reply…")
		d := reply(1, "C1", "a new reply.")
		second.end(t, d, false)
		second.delivered(t, d)
		say(frozen, "again")
		first.EndDraft(1)
		same(t, "shown", w.texts(), "a new reply.")
	})
}

// A process whose end of a message comes too late, since another one has ended it
// meanwhile, does not send it anew.
func TestLateEndIsNotSentAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, db := &wall{}, dbtest.New(t)
		first, second := newDesk(db, board{w}, outbox.Options{}), newDesk(db, board{w}, outbox.Options{})
		say(first.begin(t, reply(1, "C1", "")), "a ", "reply")
		late := reply(1, "C1", "a reply.")
		first.end(t, late, true)
		frozen := true
		w.at = func(when string) error {
			if when == "before close" && frozen {
				frozen = false
				second.delivered(t, second.load(t, 1))
			}
			return nil
		}
		if ended, err := first.deliver(t, late); ended || !is(err, failure.Retry, "taken_over") {
			t.Errorf("ended %v, %v", ended, err)
		}
		same(t, "shown", w.texts(), "a reply.")
		second.wantStates(t, 1, "sent:m1 card")
	})
}

// Once it was ended, nothing more is shown of a reply, whatever its model says.
func TestEndedDraftIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
		g := k.begin(t, reply(1, "C1", ""))
		say(g, "one ", "two")
		k.EndDraft(1)
		say(g, "three", "four", "five")
		k.EndDraft(1)
		k.EndDraft(2) // there is none
		same(t, "shown", w.texts(), "one two…")
		if shown := g.Stop(); shown != "one two" {
			t.Errorf("the audience has seen %q", shown)
		}
	})
}

// What was shown of a reply that a newer message interrupts stays, closed, and
// the next reply is a message of its own.
func TestInterruptedReplyStays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		err   error // of the closing
		shown []string
	}{
		{"closed", nil, []string{"one two", "the whole"}},
		{"closing fails", failure.New(failure.Retry, "busy", "", nil), []string{"one two", "the whole"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wall{at: once("before close", tt.err)}
				k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
				say(k.begin(t, reply(1, "C1", "")), "one ", "two")
				k.Leave(t.Context(), 1)
				k.Leave(t.Context(), 1) // nothing is left to be done
				d := reply(1, "C1", "the whole")
				k.end(t, d, false)
				k.delivered(t, d)
				same(t, "shown", w.texts(), tt.shown...)
				keys := []string{w.parts[0].Key, w.parts[len(w.parts)-1].Key}
				if !strings.HasSuffix(keys[0], "-0") || !strings.HasSuffix(keys[1], "-1") {
					t.Errorf("keys %q", keys)
				}
			})
		})
	}
}

// What is taken back takes what is shown of its reply with it, where the platform can.
func TestWithdrawnReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		k := newDesk(dbtest.New(t), board{w}, outbox.Options{})
		say(k.begin(t, reply(1, "C1", "")), "one ", "two")
		for id, chat := range map[int64]string{1: "nostreams", 2: "C1"} { // it does not grow there; nothing of it was shown
			if err := k.Withdraw(t.Context(), "wall", platforms.Address{ChatID: chat}, id); err != nil {
				t.Error(err)
			}
		}
		same(t, "shown", w.texts(), "one two…")
		if err := k.Withdraw(t.Context(), "wall", platforms.Address{ChatID: "C1"}, 1); err != nil {
			t.Error(err)
		}
		same(t, "shown", w.texts(), "(gone)")
	})
}

// Where messages cannot be changed there is no draft, and a reply that has begun
// on a platform that can is ended on one that cannot.
func TestNoStreams(t *testing.T) {
	t.Parallel()
	w, db := &wall{}, dbtest.New(t)
	for chat, s := range map[string]platforms.Sender{"C1": w, "nostreams": board{w}} {
		d := reply(1, chat, "")
		if g := newDesk(db, s, outbox.Options{}).Draft(d, keyOf(d), holds, forHours); g != nil {
			t.Errorf("a draft on %T in %s", s, chat)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		db := dbtest.New(t)
		k := newDesk(db, board{w}, outbox.Options{})
		say(k.begin(t, reply(1, "C1", "")), "one ", "two")
		k.end(t, reply(1, "C1", "one two three"), true)
		plain := newDesk(db, w, outbox.Options{})
		plain.delivered(t, plain.load(t, 1))
		same(t, "shown", w.texts(), "one two…", "one two three")
	})
}

// While a platform's limits have no room, nothing is opened; nothing that is owed waits for it.
func TestNoRoomToGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		k := newDesk(dbtest.New(t), crowded{board{w}}, outbox.Options{})
		for id := int64(1); id <= 2; id++ {
			chat := fmt.Sprint("C", id)
			say(k.begin(t, reply(id, chat, "")), "one ", "two")
			d := reply(id, chat, "one two three")
			k.end(t, d, true)
			k.delivered(t, d)
		}
		if calls := w.made(); calls != "open/close/send" {
			t.Errorf("calls %q", calls)
		}
	})
}

// crowded lets one message a minute be opened.
type crowded struct{ board }

func (crowded) Limits(_ platforms.Address, c platforms.Call) []platforms.Limit {
	if c != platforms.CallOpen {
		return nil
	}
	return []platforms.Limit{{Scope: "app", Every: time.Minute}}
}
