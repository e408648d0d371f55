package feishu_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// limited is a Feishu that enforces its limits, an adapter, and their clock.
func limited(t *testing.T) (*feishu.Adapter, *fakefeishu.Server, *atomic.Int64) {
	t.Helper()
	passed := &atomic.Int64{}
	clock := func() time.Time { return arrival.Add(time.Duration(passed.Load())) }
	a, fake := newSender(t, func(o *feishu.Options) { o.Now = clock })
	fake.SetNow(clock)
	fake.EnforceLimits()
	return a, fake, passed
}

// at is when the n-th call of many may leave that go to as many chats.
func at(t *testing.T, a *feishu.Adapter, c platforms.Call, n int) time.Duration {
	t.Helper()
	for _, l := range a.Limits(toReply, c) {
		if !strings.HasPrefix(l.Scope, "chat:") {
			return time.Duration(max(0, n+1-l.Burst)) * l.Every
		}
	}
	t.Fatalf("%v has no limit", c)
	return 0
}

// At the pace that the adapter asks for no call is too much for an app, which may
// make 50 in a second and 1,000 in a minute of each API; whatever is, waits as long
// as Feishu says.
func TestPaceIsThatOfTheApp(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]platforms.Call{"messages": platforms.CallSend, "cards": platforms.CallEdit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake, passed := limited(t)
			do, scope := sending(t, a, fake), "app"
			if call == platforms.CallEdit {
				do, scope = editing(t, a, passed), "cards"
			}
			n, begun := 0, passed.Load()
			for ; at(t, a, call, n) < 61*time.Second; n++ {
				passed.Store(begun + int64(at(t, a, call, n)))
				if err := do(n); err != nil {
					t.Fatalf("call %d after %v: %v", n, at(t, a, call, n), err)
				}
			}
			if fake.Refused() != 0 || n < 900 {
				t.Errorf("%d of %d calls were too much", fake.Refused(), n)
			}
			var err error
			for ; err == nil && n < 1200; n++ { // twice as fast
				passed.Add(int64(time.Second / 30))
				err = do(n)
			}
			wait := failure.WaitOf(err)
			if failure.KindOf(err) != failure.Retry || failure.ScopeOf(err) != scope || wait < time.Second || fake.Refused() != 1 {
				t.Fatalf("call %d: wait %v for %q: %v", n, wait, failure.ScopeOf(err), err)
			}
			passed.Add(int64(wait))
			if err := do(n); err != nil {
				t.Errorf("after %v: %v", wait, err)
			}
		})
	}
}

// sending sends one message to each of many chats.
func sending(t *testing.T, a *feishu.Adapter, fake *fakefeishu.Server) func(n int) error {
	t.Helper()
	return func(n int) error {
		to := platforms.Address{ChatID: fmt.Sprint("oc_", n), MessageID: fmt.Sprint("om_", n)}
		fake.Know(to.MessageID, to.ChatID)
		_, err := a.Send(t.Context(), to, part(fmt.Sprint("key-", n), "x"))
		return err
	}
}

// editing has some cards grow in turn.
func editing(t *testing.T, a *feishu.Adapter, passed *atomic.Int64) func(n int) error {
	t.Helper()
	handles := make([]string, 30)
	for i := range handles {
		passed.Add(int64(time.Second))
		handles[i], _ = grow(t, a, part(fmt.Sprint("key-", i), "one"))
	}
	return func(n int) error {
		return a.Edit(t.Context(), toReply, handles[n%len(handles)], fmt.Sprint("one ", n), int64(10_000+n))
	}
}
