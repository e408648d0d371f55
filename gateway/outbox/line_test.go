package outbox_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// narrow is a platform that takes one message a minute of each chat.
type narrow struct{ *wall }

func (narrow) Limits(to platforms.Address, _ platforms.Call) []platforms.Limit {
	return []platforms.Limit{{Scope: "chat:" + to.ChatID, Every: time.Minute}}
}

// Who has to wait in line is told for how long, holds nothing meanwhile, and is
// called in time. Other chats do not wait.
func TestRepliesStandInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		k := newDesk(dbtest.New(t), narrow{w}, outbox.Options{})
		due := make(chan struct{}, 10)
		k.OnDue(func() { due <- struct{}{} })
		first, second, other := reply(1, "C1", "first"), reply(2, "C1", "second"), reply(3, "C2", "other")
		for _, d := range []*outbox.Delivery{first, second, other} {
			k.seal(t, d)
		}
		k.delivered(t, first)
		k.delivered(t, other)
		begun := time.Now()
		ended, err := k.deliver(t, second)
		if ended || !is(err, failure.Retry, "in_line") || !errors.Is(err, outbox.ErrHeld) {
			t.Fatalf("ended %v, %v", ended, err)
		}
		if wait := failure.WaitOf(err); wait < 59*time.Second || wait > 62*time.Second {
			t.Errorf("it waits for %v", wait)
		}
		k.wantStates(t, 2, "pending")
		if second.Seen() || second.Tries() != 0 {
			t.Errorf("seen %v, %d tries", second.Seen(), second.Tries())
		}
		same(t, "shown", w.texts(), "first", "other")
		<-due
		if waited := time.Since(begun); waited < failure.WaitOf(err) || waited > failure.WaitOf(err)+time.Second {
			t.Errorf("called after %v, want %v", waited, failure.WaitOf(err))
		}
		k.delivered(t, k.load(t, 2)) // it waits for the last moments itself
		same(t, "shown", w.texts(), "first", "other", "second")
	})
}

// A limit that a platform names moves the line of what it names.
func TestNamedLimitMovesItsLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wall{at: once("before send", failure.Limited("chat:C1", 10*time.Minute, "slow_down", "", nil))}
		k := newDesk(dbtest.New(t), narrow{w}, outbox.Options{})
		first, second, other := reply(1, "C1", "first"), reply(2, "C1", "second"), reply(3, "C2", "other")
		for _, d := range []*outbox.Delivery{first, second, other} {
			k.seal(t, d)
		}
		for _, want := range []struct {
			d           *outbox.Delivery
			code        string
			least, most time.Duration
		}{
			{first, "slow_down", 10 * time.Minute, 10 * time.Minute},
			{second, "in_line", 11 * time.Minute, 13 * time.Minute},
		} {
			ended, err := k.deliver(t, want.d)
			if wait := failure.WaitOf(err); ended || !is(err, failure.Retry, want.code) || wait < want.least || wait > want.most {
				t.Errorf("%s: ended %v, %v, wait %v", want.d.Text, ended, err, wait)
			}
		}
		k.delivered(t, other)
		time.Sleep(10 * time.Minute)
		k.delivered(t, first)
		if _, err := k.deliver(t, second); !errors.Is(err, outbox.ErrHeld) {
			t.Errorf("the second is sent at the same moment: %v", err)
		}
		time.Sleep(3 * time.Minute)
		k.delivered(t, second)
		same(t, "shown", w.texts(), "other", "first", "second")
	})
}
