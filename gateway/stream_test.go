package gateway_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// grown is a message of a board.
type grown struct {
	key, text string
	seq       int64
	closed    bool
}

// board is a platform on which messages can grow.
type board struct {
	mu    sync.Mutex
	shown []*grown
	calls []string
	more  chan struct{} // closed with the next step; nil: nobody waits for it
	// at is called before and after each call has its effect. An error that it
	// returns is the call's.
	at func(when string) error
}

func (b *board) step(when string) error {
	b.mu.Lock()
	b.calls = append(b.calls, when)
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
	at := b.at
	b.mu.Unlock()
	if at == nil {
		return nil
	}
	return at(when)
}

// do makes a call with everything that may happen around it.
func (b *board) do(name string, effect func() error) error {
	if err := b.step("before " + name); err != nil {
		return err
	}
	b.mu.Lock()
	err := effect()
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return b.step("after " + name)
}

func (b *board) add(p platforms.Part, closed bool) (handle string) {
	b.shown = append(b.shown, &grown{key: p.Key, text: p.Text, closed: closed})
	return fmt.Sprint("h", len(b.shown))
}

func (b *board) Split(reply string) []string { return strings.SplitAfter(reply, "\f") }

func (b *board) Streams(platforms.Address) bool { return true }

func (b *board) Send(_ context.Context, _ platforms.Address, p platforms.Part) (id string, err error) {
	return id, b.do("send", func() error { id = b.add(p, true); return nil })
}

func (b *board) Open(_ context.Context, _ platforms.Address, p platforms.Part) (id string, err error) {
	return id, b.do("open", func() error { id = b.add(p, false); return nil })
}

func (b *board) Edit(_ context.Context, _ platforms.Address, handle, text string, seq int64) error {
	return b.do("edit", func() error { return b.change(handle, text, seq, false) })
}

func (b *board) Close(_ context.Context, _ platforms.Address, handle string, p platforms.Part, seq int64) error {
	return b.do("close", func() error { return b.change(handle, p.Text, seq, true) })
}

func (b *board) Withdraw(_ context.Context, _ platforms.Address, handle string) error {
	return b.do("withdraw", func() error {
		var n int
		_, err := fmt.Sscanf(handle, "h%d", &n)
		b.shown = slices.Delete(b.shown, n-1, n)
		return err
	})
}

func (b *board) change(handle, text string, seq int64, end bool) error {
	var n int
	if _, err := fmt.Sscanf(handle, "h%d", &n); err != nil || n > len(b.shown) {
		return failure.New(failure.Permanent, "gone", "", nil)
	}
	m := b.shown[n-1]
	if seq <= m.seq {
		return failure.New(failure.Permanent, "late", "", nil)
	}
	m.text, m.seq, m.closed = text, seq, end
	return nil
}

func (b *board) Find(_ context.Context, _ platforms.Address, p platforms.Part, _ time.Time) (platforms.Finding, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, m := range b.shown {
		if m.key == p.Key {
			return platforms.Shown, fmt.Sprint("h", i+1), nil
		}
	}
	return platforms.Missing, "", nil
}

func (b *board) texts() (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.shown {
		text := m.text
		if !m.closed {
			text += " (growing)"
		}
		list = append(list, text)
	}
	return list
}

func (b *board) count(call string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if c == call {
			n++
		}
	}
	return n
}

// wait returns once a step was taken so often.
func (b *board) wait(t *testing.T, when string, often int) {
	t.Helper()
	for late := time.After(20 * time.Second); b.count(when) < often; {
		b.mu.Lock()
		if b.more == nil {
			b.more = make(chan struct{})
		}
		more := b.more
		b.mu.Unlock()
		if b.count(when) >= often { // it came in between
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%s: %d times, want %d", when, b.count(when), often)
		}
	}
}

// writing says its pieces one after the other, each once the chat has had time
// to see the one before.
func writing(pieces ...string) func(context.Context, ai.Ask, func(string)) (string, error) {
	return func(ctx context.Context, _ ai.Ask, onDelta func(string)) (string, error) {
		for _, p := range pieces {
			onDelta(p)
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(60 * time.Millisecond):
			}
		}
		return strings.Join(pieces, ""), nil
	}
}

func boardWorld(t *testing.T, db *database.DB, b *board, m *model, o options) *world {
	t.Helper()
	if o.sender == nil {
		o.sender = b
	}
	o.workers = cmp.Or(o.workers, 2)
	o.openAfter, o.editEvery = 20*time.Millisecond, 10*time.Millisecond
	return process(t, db, m, nil, o)
}

// A reply grows in the one message that it ends as; what does not fit into it
// follows.
func TestReplyGrows(t *testing.T) {
	t.Parallel()
	b := &board{}
	w := boardWorld(t, dbtest.New(t), b, &model{reply: writing("It ", "grows ", "and ", "grows.", "\fSecond.")}, options{owner: "me"})
	w.start()
	a := w.accept(said("e1", "hi"))[0]
	w.final(a)
	same(t, "shown", b.texts(), []string{"It grows and grows.\f", "Second."})
	if b.count("after open") != 1 || b.count("after edit") < 2 || b.count("after close") != 1 || b.count("after send") != 1 {
		t.Errorf("calls %q", b.calls)
	}
	if e := w.event(a); e.State != inbox.Sent || e.Attempts != 4 || e.DeliveryID == 0 {
		t.Errorf("%+v", e)
	}
}

// One that is made faster than a person could read along is sent at once.
func TestFastReplyIsSentWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		w := boardWorld(t, dbtest.New(t), b, &model{reply: func(_ context.Context, _ ai.Ask, onDelta func(string)) (string, error) {
			onDelta("All ")
			onDelta("at once.")
			time.Sleep(50 * time.Millisecond) // the model's last chunk says nothing
			return "All at once.", nil
		}}, options{owner: "me"})
		w.start()
		w.final(w.accept(said("e1", "hi"))[0])
		same(t, "shown", b.texts(), []string{"All at once."})
		if b.count("after open") != 0 {
			t.Errorf("calls %q", b.calls)
		}
	})
}

// steal has a lane taken over as after its holder's death.
func steal(t *testing.T, db *database.DB) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		_, err := db.Exec(ctx, tx, "UPDATE lanes SET ready_at = 1, lease_owner = '' WHERE ready_at IS NOT NULL")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Wherever the process that shows a reply stands still, and whether it wakes up
// afterwards or never does, another one ends it in the same message.
func TestStreamIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step  string
		wakes bool
		want  string // what the first or the second process has made of it
	}{
		{"before open", false, "second text."},
		{"after open", true, "second text."},
		{"before edit", true, "second text."},
		{"after edit", true, "second text."},
		{"before close", true, "first text, long."},
		{"after close", true, "first text, long."},
	} {
		t.Run(tt.step, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				stands, wake := make(chan struct{}), make(chan struct{})
				var once sync.Once
				b := &board{}
				b.at = func(when string) error {
					if when == tt.step {
						mine := false
						once.Do(func() { mine = true })
						if mine {
							close(stands)
							<-wake
						}
					}
					return nil
				}
				// Another worker of the first process would take over as well as the second process.
				first := boardWorld(t, db, b, &model{reply: writing("first ", "text, ", "long", ".")}, options{owner: "first", workers: 1})
				gone, cancel := context.WithCancel(context.Background())
				first.gateway.Start(gone, first)
				a := first.accept(said("e1", "hi"))[0]
				<-stands
				steal(t, db)
				second := boardWorld(t, db, b, &model{reply: writing("second ", "text", ".")}, options{owner: "second"})
				second.start()
				second.final(a)
				if !tt.wakes {
					b.mu.Lock()
					b.at = func(string) error { return failure.New(failure.Retry, "dead", "", nil) }
					b.mu.Unlock()
				}
				close(wake)
				cancel()
				first.gateway.Stop()
				texts := b.texts()
				if !tt.wakes { // what a dead process was about to send is not sent
					texts = slices.DeleteFunc(texts, func(s string) bool { return strings.HasSuffix(s, "(growing)") })
				}
				same(t, "shown", texts, []string{tt.want})
				if e := second.event(a); e.State != inbox.Sent {
					t.Errorf("%s: %s", e.State, e.Error)
				}
			})
		})
	}
}

// An answer that was lost, a message that is gone, a refusal: the reply is whole
// and there once.
func TestStreamMeetsFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, step string
		kind       failure.Kind
		times      int
		want       []string
	}{
		{"the answer to the opening is lost", "after open", failure.Ambiguous, 1, []string{"one two three"}},
		{"it is not opened", "before open", failure.Permanent, 1, []string{"one two three"}},
		{"opening has to wait", "before open", failure.Retry, 1, []string{"one two three"}},
		{"no change is taken", "before edit", failure.Permanent, 100, []string{"one two three"}},
		{"the answer to the end is lost", "after close", failure.Ambiguous, 2, []string{"one two three"}},
		{"the end has to wait", "before close", failure.Retry, 3, []string{"one two three"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, left := &board{}, tt.times
			b.at = func(when string) error {
				b.mu.Lock()
				defer b.mu.Unlock()
				if when == tt.step && left > 0 {
					left--
					return failure.New(tt.kind, "fault", "", nil)
				}
				return nil
			}
			w := boardWorld(t, dbtest.New(t), b, &model{reply: writing("one ", "two ", "three")}, options{owner: "me"})
			w.start()
			a := w.accept(said("e1", "hi"))[0]
			w.final(a)
			same(t, "shown", b.texts(), tt.want)
			if e := w.event(a); e.State != inbox.Sent || e.Failures != 0 {
				t.Errorf("%s: %s", e.State, e.Error)
			}
		})
	}
}

// A message that was removed meanwhile is sent anew.
func TestGrownMessageIsGone(t *testing.T) {
	t.Parallel()
	b := &board{}
	b.at = func(when string) error {
		if when == "before close" {
			return failure.New(failure.Permanent, "message_not_found", "", nil)
		}
		return nil
	}
	w := boardWorld(t, dbtest.New(t), b, &model{reply: writing("one ", "two ", "three")}, options{owner: "me"})
	w.start()
	w.final(w.accept(said("e1", "hi"))[0])
	got := b.texts()
	if len(got) != 2 || got[1] != "one two three" || b.shown[0].key == b.shown[1].key {
		t.Errorf("shown %q", got)
	}
}

// A model that fails half-way and says something else the next time, or is given
// up: it is the same message.
func TestOtherTextEndsInTheSameMessage(t *testing.T) {
	t.Parallel()
	for name, attempts := range map[string]int64{"tried again": 5, "given up": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, m, calls := &board{}, &model{}, 0
			m.reply = func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
				if calls++; calls > 1 {
					return writing("another ", "text")(ctx, ask, onDelta)
				}
				_, _ = writing("half ", "a ", "text")(ctx, ask, onDelta)
				return "", failure.New(failure.Retry, ai.CodeStreamCut, "", nil)
			}
			w := boardWorld(t, dbtest.New(t), b, m, options{owner: "me", attempts: attempts})
			w.start()
			w.final(w.accept(said("e1", "hi"))[0])
			got := b.texts()
			if len(got) != 1 || strings.Contains(got[0], "half") || strings.Contains(got[0], "growing") || b.count("after open") != 1 {
				t.Errorf("shown %q, calls %q", got, b.calls)
			}
		})
	}
}

// What was shown of an interrupted reply stays; the next one is another message.
func TestInterruptedHalfStays(t *testing.T) {
	t.Parallel()
	b, m := &board{}, &model{}
	asked := make(chan struct{}, 9)
	m.reply = func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
		asked <- struct{}{}
		if len(ask.New) == 1 {
			_, _ = writing("half ", "a ", "text")(ctx, ask, onDelta)
			<-ctx.Done()
			return "", ctx.Err()
		}
		return writing("the ", "whole ", "text")(ctx, ask, onDelta)
	}
	w := boardWorld(t, dbtest.New(t), b, m, options{owner: "me", busy: turn.BusyInterrupt})
	w.start()
	one := w.accept(message("chat", "e1", "alice", "one"))[0]
	<-asked
	b.wait(t, "after edit", 1)
	w.accept(message("chat", "e2", "alice", "two"))
	w.final(one)
	got := b.texts()
	if len(got) != 2 || !strings.HasPrefix("half a text", got[0]) || got[1] != "the whole text" {
		t.Errorf("shown %q", got)
	}
	if h := w.history(); len(h) != 4 || h[1].Content != got[0] || !h[1].Interrupted() {
		t.Errorf("stored %q", texts(h))
	}
}

// What has grown of the answer to a message that was taken back is taken away.
func TestCase20_TakenBackWhileTheReplyGrows(t *testing.T) {
	t.Parallel()
	b := &board{}
	w := boardWorld(t, dbtest.New(t), b, &model{reply: func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
		_, _ = writing("half ", "a ", "text")(ctx, ask, onDelta)
		<-ctx.Done()
		return "", ctx.Err()
	}}, options{owner: "me"})
	w.start()
	a := w.accept(keyed("e1", "secret"))[0]
	b.wait(t, "after edit", 1)
	w.accept(takenBack("e1"))
	w.final(a)
	if got := b.texts(); len(got) != 0 {
		t.Errorf("shown %q", got)
	}
	if e := w.event(a); e.State != inbox.Ignored {
		t.Errorf("%s: %s", e.State, e.Error)
	}
}
