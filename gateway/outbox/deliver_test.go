package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// The parts of a reply are shown in order, and before each is sent the ledger
// knows that the chat may have it. With the last one the events are at their end.
func TestPartsAreShownInOrder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := &wall{}
		k := newDesk(db, w, outbox.Options{})
		d := reply(1, "C1", "one|two|three")
		d.Verbs = []platforms.Verb{platforms.VerbUp, platforms.VerbDown}
		k.seal(t, d)
		known := []string{"sending/pending/pending", "sent/sending/pending", "sent/sent/sending"}
		w.at = func(when string) error {
			if when == "before send" {
				k.wantStates(t, 1, known[len(w.shown)])
			}
			return nil
		}
		k.delivered(t, d)
		same(t, "shown", w.texts(), "one", "two", "three")
		k.wantStates(t, 1, "sent/sent/sent")
		if d.Tries() != 3 {
			t.Errorf("%d tries", d.Tries())
		}
		keys := map[string]bool{}
		for i, p := range w.parts {
			keys[p.Key] = true
			if len(p.EventIDs) != 1 || p.EventIDs[0] != "e1" || p.Failed != "" || len(p.Verbs) != i/2*2 {
				t.Errorf("part %d: %+v", i, p)
			}
			if id, err := k.OfMessage(t.Context(), &platforms.Event{Platform: "wall", ChatID: "C1", Press: &platforms.Press{MessageID: fmt.Sprint("m", i+1)}}); id != 1 || err != nil {
				t.Errorf("a button under part %d: of %d, %v", i, id, err)
			}
		}
		if len(keys) != 3 {
			t.Errorf("keys %v", keys)
		}
		k.delivered(t, k.load(t, 1)) // once more, as after a lost commit
		same(t, "shown", w.texts(), "one", "two", "three")
	})
}

// A button belongs to the reply in whose chat it is pressed: ids of messages are
// unique within a chat at most.
func TestMessageOfAnotherChat(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		table := outbox.Table{DB: db}
		for id, chat := range map[int64]string{1: "C1", 2: "C2"} {
			k := newDesk(db, &wall{}, outbox.Options{}) // each counts its messages
			d := reply(id, chat, "hello")
			k.seal(t, d)
			k.delivered(t, d)
		}
		for chat, want := range map[string]int64{"C1": 1, "C2": 2, "C3": 0} {
			if id, err := table.OfMessage(t.Context(), db.Read(), "wall", chat, "m1"); id != want || err != nil {
				t.Errorf("m1 in %s is of %d, %v", chat, id, err)
			}
		}
		for _, other := range [][2]string{{"wall", "m2"}, {"wall", ""}, {"fence", "m1"}} {
			if id, err := table.OfMessage(t.Context(), db.Read(), other[0], "C1", other[1]); id != 0 || err != nil {
				t.Errorf("%q is of %d, %v", other, id, err)
			}
		}
	})
}

// What became of a send says what the ledger knows, what the caller is told, and
// what the next process does before it sends again.
func TestSendFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, step string
		err        error
		giveUp     time.Duration
		kind       failure.Kind
		code       string
		held       bool
		least      time.Duration // of the wait
		state      string
		calls      string // of the next process
	}{
		{"refused for now", "before send", failure.New(failure.Retry, "busy", "", nil), 0, failure.Retry, "busy", true, 3 * time.Minute, "pending", "send"},
		{"refused for a time", "before send", failure.RetryAfter(7*time.Minute, "busy", "", nil), 0, failure.Retry, "busy", true, 7 * time.Minute, "pending", "send"},
		{"refused for too long", "before send", failure.New(failure.Retry, "busy", "", nil), past, failure.Permanent, "busy", false, 0, "pending", "send"},
		{"refused for good", "before send", failure.New(failure.Permanent, "no_channel", "", nil), 0, failure.Permanent, "no_channel", false, 0, "sending", "find/send"},
		{"no answer", "after send", failure.New(failure.Ambiguous, "cut", "", nil), 0, failure.Ambiguous, "cut", true, 3 * time.Minute, "sending", "find"},
		{"no answer for too long", "after send", failure.New(failure.Ambiguous, "cut", "", nil), past, failure.Permanent, "ambiguous", false, 0, "sending", "find"},
		{"a fault of ours", "after send", errors.New("disk full"), 0, failure.Internal, "", false, 0, "sending", "find"},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				id := int64(i + 1)
				w := &wall{at: once(tt.step, tt.err)}
				k := newDesk(db, w, outbox.Options{GiveUpAfter: tt.giveUp})
				d := reply(id, "C1", "hello")
				k.seal(t, d)
				ended, err := k.deliver(t, d)
				if ended || !is(err, tt.kind, tt.code) || errors.Is(err, outbox.ErrHeld) != tt.held {
					t.Errorf("ended %v, %v: kind %v, code %s", ended, err, failure.KindOf(err), failure.CodeOf(err))
				}
				if wait := failure.WaitOf(err); wait < tt.least || wait > tt.least*2 {
					t.Errorf("it waits for %v", wait)
				}
				if d.Tries() != 1 {
					t.Errorf("%d tries", d.Tries())
				}
				k.wantStates(t, id, tt.state)
				again := k.load(t, id)
				if again.Seen() != (tt.state == "sending") {
					t.Errorf("seen: %v", again.Seen())
				}
				w.made()
				k.delivered(t, again)
				if calls := w.made(); calls != tt.calls {
					t.Errorf("the next process calls %q, want %q", calls, tt.calls)
				}
				same(t, "shown", w.texts(), "hello")
			})
		}
	})
}

// What may be shown is looked for before anything is sent, and not before the
// platform has made up its mind. What nobody can know is never sent again.
func TestDoubtfulSend(t *testing.T) {
	t.Parallel()
	says := func(f platforms.Finding, id string, err error) func() (platforms.Finding, string, error) {
		return func() (platforms.Finding, string, error) { return f, id, err }
	}
	busy := failure.New(failure.Retry, "busy", "", nil)
	tests := []struct {
		name   string
		finds  func() (platforms.Finding, string, error)
		send   error
		settle time.Duration
		giveUp time.Duration
		kind   failure.Kind // with code
		code   string       // "" = it is delivered
		held   bool
		calls  string
		state  string
	}{
		{name: "shown", finds: says(platforms.Shown, "m7", nil), calls: "find", state: "sent"},
		{name: "missing", finds: says(platforms.Missing, "", nil), calls: "find/send", state: "sent"},
		{name: "unknowable", finds: says(platforms.Unknowable, "", nil), kind: failure.Permanent, code: "ambiguous", calls: "find", state: "sending"},
		{name: "nobody may look", finds: says(0, "", failure.New(failure.Permanent, "no_scope", "", nil)), kind: failure.Permanent, code: "ambiguous", calls: "find", state: "sending"},
		{name: "no answer", finds: says(0, "", busy), kind: failure.Retry, code: "busy", held: true, calls: "find", state: "sending"},
		{name: "no answer for too long", finds: says(0, "", busy), giveUp: past, kind: failure.Permanent, code: "ambiguous", calls: "find", state: "sending"},
		{name: "too early to look", settle: time.Hour, kind: failure.Retry, code: "settling", held: true, state: "sending"},
		{name: "a later refusal", finds: says(platforms.Missing, "", nil), send: busy, kind: failure.Retry, code: "busy", held: true, calls: "find/send", state: "sending"},
		{name: "a later refusal for too long", finds: says(platforms.Missing, "", nil), send: busy, giveUp: past, kind: failure.Permanent, code: "ambiguous", calls: "find/send", state: "sending"},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				id := int64(i + 1)
				w := &wall{finds: tt.finds, at: once("before send", tt.send)}
				k := newDesk(db, w, outbox.Options{GiveUpAfter: tt.giveUp, Settle: map[string]time.Duration{"wall": tt.settle}})
				k.seal(t, reply(id, "C1", "hello")) // and the process dies
				d := k.load(t, id)
				ended, err := k.deliver(t, d)
				if tt.code == "" {
					if !ended || err != nil {
						t.Errorf("ended %v, %v", ended, err)
					}
				} else if ended || !is(err, tt.kind, tt.code) || errors.Is(err, outbox.ErrHeld) != tt.held {
					t.Errorf("ended %v, %v: kind %v, code %s", ended, err, failure.KindOf(err), failure.CodeOf(err))
				}
				if wait := failure.WaitOf(err); tt.settle > 0 && (wait < tt.settle-time.Minute || wait > tt.settle) {
					t.Errorf("it is looked for in %v", wait)
				}
				if calls := w.made(); calls != tt.calls {
					t.Errorf("calls %q, want %q", calls, tt.calls)
				}
				k.wantStates(t, id, tt.state)
			})
		}
	})
}

// What was found is the reply's message from then on.
func TestFoundMessageIsKnown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := &wall{finds: func() (platforms.Finding, string, error) { return platforms.Shown, "m7", nil }}
		k := newDesk(db, w, outbox.Options{})
		k.seal(t, reply(1, "C1", "hello|there"))
		k.delivered(t, k.load(t, 1))
		same(t, "shown", w.texts(), "there")
		if id, err := (outbox.Table{DB: db}).OfMessage(t.Context(), db.Read(), "wall", "C1", "m7"); id != 1 || err != nil {
			t.Errorf("it is of %d, %v", id, err)
		}
	})
}

// No send is begun that may last longer than the right to make it.
func TestLeaseIsTooShort(t *testing.T) {
	t.Parallel()
	w := &wall{}
	k := newDesk(dbtest.New(t), w, outbox.Options{})
	d := reply(1, "C1", "one|two|three")
	k.seal(t, d)
	left := []time.Duration{outbox.SendLimit, outbox.SendLimit - 1}
	err := k.Deliver(t.Context(), d, func() time.Duration {
		defer func() { left = left[1:] }()
		return left[0]
	}, func(context.Context, database.Tx) error { t.Error("it is at its end"); return nil })
	if !errors.Is(err, outbox.ErrLeaseShort) || errors.Is(err, outbox.ErrHeld) {
		t.Error(err)
	}
	same(t, "shown", w.texts(), "one")
}

// Who has lost the lane meanwhile ends nothing, but that the part is shown is
// true all the same.
func TestLaneIsLost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := &wall{}
		k := newDesk(db, w, outbox.Options{})
		d := reply(1, "C1", "hello")
		k.seal(t, d)
		lost := errors.New("the lease is lost")
		err := k.Deliver(t.Context(), d, forHours, func(context.Context, database.Tx) error { return lost })
		if !errors.Is(err, lost) {
			t.Error(err)
		}
		k.wantStates(t, 1, "sent")
		w.made()
		k.delivered(t, k.load(t, 1))
		if calls := w.made(); calls != "" {
			t.Errorf("the next process calls %q", calls)
		}
	})
}

// Who is told to stop in the middle of a send still writes down that it is shown.
func TestShutdownDuringASend(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, stop := context.WithCancel(t.Context())
		w := &wall{at: func(when string) error {
			if when == "after send" {
				stop()
			}
			return nil
		}}
		k := newDesk(db, w, outbox.Options{})
		d := reply(1, "C1", "hello")
		k.seal(t, d)
		if err := k.Deliver(ctx, d, forHours, func(context.Context, database.Tx) error { return nil }); err != nil {
			t.Error(err)
		}
		k.wantStates(t, 1, "sent")
	})
}

// While a platform does not answer, nothing is sent, and that is no fault of the reply.
func TestOpenCircuit(t *testing.T) {
	t.Parallel()
	w := &wall{at: func(when string) error {
		if when == "before send" {
			return failure.New(failure.Ambiguous, "http_500", "", nil)
		}
		return nil
	}}
	k := newDesk(dbtest.New(t), w, outbox.Options{Circuits: breaker.NewSet(breaker.Options{})})
	for id := int64(1); id <= 8; id++ {
		d := reply(id, fmt.Sprint("C", id), "hello")
		k.seal(t, d)
		w.made()
		_, err := k.deliver(t, d)
		if !errors.Is(err, outbox.ErrHeld) || failure.WaitOf(err) <= 0 {
			t.Errorf("%d: %v", id, err)
		}
		if sent := w.made() != ""; sent != (id <= 5) || d.Tries() != 0 != sent {
			t.Errorf("%d: sent %v, %d tries", id, sent, d.Tries())
		}
	}
}

// A reply is offered again soon, and then ever less often.
func TestWaitsGrow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ age, least, most time.Duration }{
		{0, 3 * time.Minute, 5 * time.Minute},
		{6 * time.Minute, 4 * time.Minute, 9 * time.Minute},
		{30 * time.Minute, 6 * time.Minute, 10 * time.Minute}, // not more than MaxBackoff
	} {
		t.Run(tt.age.String(), func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			w := &wall{at: once("before send", failure.New(failure.Retry, "busy", "", nil))}
			k := newDesk(db, w, outbox.Options{})
			k.seal(t, reply(1, "C1", "hello"))
			write(t, db, func(ctx context.Context, tx database.Tx) error {
				_, err := db.Exec(ctx, tx, "UPDATE deliveries SET updated_at = ?", database.Micros(db.Now().Add(-tt.age)))
				return err
			})
			_, err := k.deliver(t, k.load(t, 1))
			if wait := failure.WaitOf(err); wait < tt.least || wait > tt.most {
				t.Errorf("after %v it waits for %v", tt.age, wait)
			}
		})
	}
}

// quiet is a platform whose readers fetch their replies from us.
type quiet struct{ *wall }

func (quiet) Silent() bool { return true }

func TestSilentReply(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := &wall{}
		k := newDesk(db, quiet{w}, outbox.Options{})
		d := reply(1, "C1", "one|two")
		d.Error, d.MessageID, d.Tokens, d.Verbs = "", 7, 9, []platforms.Verb{platforms.VerbStop}
		k.seal(t, d)
		if !d.Silent() || !k.Silent("wall") || d.Seen() {
			t.Errorf("silent %v, %v; seen %v", d.Silent(), k.Silent("wall"), d.Seen())
		}
		k.delivered(t, d)
		if calls := w.made(); calls != "" {
			t.Errorf("calls %q", calls)
		}
		got, err := k.Get(t.Context(), 1)
		if err != nil || got.Text != "one|two" || got.MessageID != 7 || got.Tokens != 9 || got.Outcome != outbox.Sent || len(got.Verbs) != 1 || got.Address.ChatID != "C1" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// What an adapter can do beyond sending is asked of it, and nobody has to be able to.
func TestWhatAPlatformCan(t *testing.T) {
	t.Parallel()
	to := platforms.Address{ChatID: "C1"}
	for _, tt := range []struct {
		sender                  platforms.Sender
		files, whispers, silent bool
	}{
		{&wall{}, false, false, false},
		{quiet{&wall{}}, false, false, true},
		{filing{&wall{}}, true, false, false},
		{whispering{&wall{}}, false, true, false},
	} {
		k := newDesk(nil, tt.sender, outbox.Options{})
		if f, w, s := k.TakesFile("wall", to), k.Whispers("wall", to), k.Silent("wall"); f != tt.files || w != tt.whispers || s != tt.silent {
			t.Errorf("%T: files %v, whispers %v, silent %v", tt.sender, f, w, s)
		}
	}
	if k := newDesk(nil, filing{&wall{}}, outbox.Options{}); k.TakesFile("wall", platforms.Address{ChatID: "nofiles"}) {
		t.Error("a file can be shown where the platform says that it cannot")
	}
}

type whispering struct{ *wall }

func (whispering) Whispers(platforms.Address) bool { return true }

// filing is a platform that takes files, but not everywhere.
type filing struct{ *wall }

func (filing) TakesFile(to platforms.Address) bool { return to.ChatID != "nofiles" }

func exported(id int64) *outbox.Delivery {
	d := reply(id, "C1", "the|text")
	d.File = &outbox.File{Name: "export.json", Content: "{}"}
	return d
}

// A file that the platform refuses for good gives way to the text. Who may have
// been shown it already is never shown both.
func TestFileGivesWay(t *testing.T) {
	t.Parallel()
	refusal := failure.New(failure.Permanent, "no_scope", "", nil)
	tests := []struct {
		name  string
		err   error
		doubt bool // an earlier process may have sent it
		code  string
		shown []string
	}{
		{"taken", nil, false, "", []string{"{}"}},
		{"refused", refusal, false, "", []string{"the", "text"}},
		{"refused now, and perhaps shown before", refusal, true, "no_scope", nil},
		{"not now", failure.New(failure.Retry, "busy", "", nil), false, "busy", nil},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				id := int64(i + 1)
				w := &wall{at: once("before send", tt.err)}
				k := newDesk(db, filing{w}, outbox.Options{})
				d := exported(id)
				k.seal(t, d)
				if tt.doubt {
					d = k.load(t, id)
				}
				ended, err := k.deliver(t, d)
				if ended != (tt.code == "") || err != nil != (tt.code != "") || err != nil && failure.CodeOf(err) != tt.code {
					t.Errorf("ended %v, %v", ended, err)
				}
				same(t, "shown", w.texts(), tt.shown...)
				if tt.name == "taken" && w.parts[0].File != "export.json" {
					t.Errorf("%+v", w.parts[0])
				}
				if tt.name == "refused" && (w.parts[0].File != "" || w.parts[0].Key == w.parts[1].Key) {
					t.Errorf("%+v", w.parts)
				}
			})
		}
	})
}

// Whoever dies over the text in place of a file goes on with the text.
func TestFileStaysGivenWay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		n := 0
		w := &wall{at: func(when string) error {
			if n++; n == 1 {
				return failure.New(failure.Permanent, "no_scope", "", nil)
			}
			if when == "before send" && n == 2 {
				return failure.New(failure.Ambiguous, "cut", "", nil)
			}
			return nil
		}}
		k := newDesk(db, filing{w}, outbox.Options{})
		d := exported(1)
		k.seal(t, d)
		if _, err := k.deliver(t, d); !is(err, failure.Ambiguous, "cut") {
			t.Fatal(err)
		}
		k.delivered(t, k.load(t, 1))
		same(t, "shown", w.texts(), "the", "text")
	})
}

// Another replica may have taken the lane over and shown the file while this one
// was told that it is refused.
func TestFileWasShownByAnother(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := &wall{}
		w.at = func(string) error {
			write(t, db, func(ctx context.Context, tx database.Tx) error {
				_, err := db.Exec(ctx, tx, "UPDATE delivery_parts SET state = 'sent' WHERE delivery_id = 1")
				return err
			})
			return failure.New(failure.Permanent, "no_scope", "", nil)
		}
		k := newDesk(db, filing{w}, outbox.Options{})
		d := exported(1)
		k.seal(t, d)
		if ended, err := k.deliver(t, d); ended || !is(err, failure.Permanent, "no_scope") {
			t.Errorf("ended %v, %v", ended, err)
		}
		k.wantStates(t, 1, "sent")
		same(t, "shown", w.texts())
	})
}

// The sentence that there is no reply names the code that the events are dead of.
func TestSentenceNamesItsError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"bad_key: the model refuses the key": "bad_key", "crashed": "crashed", "": "dead"} {
		w := &wall{}
		k := newDesk(dbtest.New(t), w, outbox.Options{})
		d := reply(1, "C1", "Sorry.")
		d.Outcome, d.Error = outbox.Dead, text
		k.seal(t, d)
		k.delivered(t, d)
		if got := w.parts[0].Failed; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Of a reply that is offered anew what was in doubt is sent without a look: an
// admin has looked. What was shown is not shown again.
func TestReopenedReply(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := &wall{}
		w.at = func(when string) error {
			if when == "before send" && len(w.shown) == 1 {
				return failure.New(failure.Ambiguous, "cut", "", nil)
			}
			return nil
		}
		k := newDesk(db, w, outbox.Options{GiveUpAfter: past})
		d := reply(1, "C1", "one|two")
		k.seal(t, d)
		if _, err := k.deliver(t, d); !is(err, failure.Permanent, "ambiguous") {
			t.Fatal(err)
		}
		w.at = nil
		k.reopen(t, 1, true)
		w.made()
		k.delivered(t, k.load(t, 1))
		if calls := w.made(); calls != "send" {
			t.Errorf("calls %q", calls)
		}
		same(t, "shown", w.texts(), "one", "two")
	})
}

func (k desk) reopen(t *testing.T, id int64, want bool) {
	t.Helper()
	write(t, k.db, func(ctx context.Context, tx database.Tx) error {
		again, err := outbox.Table{DB: k.db}.ReopenTx(ctx, tx, id)
		if again != want {
			t.Errorf("reopened: %v", again)
		}
		return err
	})
}

// The reply to an event that was dead follows the sentence that said so, under a
// key of its own. A sentence that nobody can have seen is forgotten.
func TestReplyAfterItsSentence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		err   error // of the sentence
		shown []string
		n     string // of the reply's part
	}{
		{"shown", nil, []string{"Sorry.", "hello"}, "1"},
		{"perhaps shown", failure.New(failure.Ambiguous, "cut", "", nil), []string{"hello"}, "1"},
		{"not shown", failure.New(failure.Retry, "busy", "", nil), []string{"hello"}, "0"},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				id := int64(i + 1)
				w := &wall{at: once("before send", tt.err)}
				k := newDesk(db, w, outbox.Options{})
				d := reply(id, "C1", "Sorry.")
				d.Outcome, d.Error = outbox.Dead, "crashed"
				k.seal(t, d)
				_, _ = k.deliver(t, d)
				k.reopen(t, id, false)
				if _, err := k.Get(t.Context(), id); tt.n == "0" != errors.Is(err, sql.ErrNoRows) {
					t.Errorf("what is left of the sentence: %v", err)
				}
				d = reply(id, "C1", "hello")
				if err := k.Begun(t.Context(), d, false); err != nil {
					t.Fatal(err)
				}
				k.seal(t, d)
				k.delivered(t, d)
				same(t, "shown", w.texts(), tt.shown...)
				key := w.parts[len(w.parts)-1].Key
				if number := key[len(key)-1:]; number != tt.n {
					t.Errorf("the reply's key is %s, want number %s", key, tt.n)
				}
				if got := k.load(t, id); got.Outcome != outbox.Sent || got.Error != "" || got.Text != "hello" {
					t.Errorf("%+v", got)
				}
			})
		}
	})
}

// What is dropped leaves nothing behind, and its neighbours everything.
func TestDroppedReply(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		k := newDesk(db, &wall{}, outbox.Options{})
		for id := int64(1); id <= 3; id++ {
			k.seal(t, reply(id, "C1", "one|two"))
		}
		for _, ids := range [][]int64{{1, 3}, {}, {7}} {
			write(t, db, func(ctx context.Context, tx database.Tx) error { return k.DropTx(ctx, tx, ids) })
		}
		for id, want := range map[int64]string{1: "", 2: "sending/pending", 3: ""} {
			k.wantStates(t, id, want)
			if _, err := k.Load(t.Context(), id); want == "" != errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%d: %v", id, err)
			}
		}
	})
}
