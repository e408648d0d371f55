package gateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// While webhooks come in faster than they are stored, turns wait, though not
// for long: the first message until the burst is over, the second, in a burst
// without end, until patience is used up.
func TestTurnsGiveWayToABurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := process(t, dbtest.New(t), &model{reply: repeating}, &chat{}, options{owner: "me"})
		w.start()
		shown := func() int {
			synctest.Wait()
			return len(w.chat.all())
		}
		synctest.Wait() // a look for work that has begun is not called back
		end := w.gateway.Crowd()
		first := w.accept(said("e1", "one"))[0]
		time.Sleep(gateway.Patience / 4)
		if shown() != 0 {
			t.Error("a turn ran in the middle of a burst")
		}
		end()
		w.final(first)

		synctest.Wait()
		end = w.gateway.Crowd()
		defer end()
		second := w.accept(said("e2", "two"))[0]
		time.Sleep(gateway.Patience / 2)
		if n := shown(); n != 1 {
			t.Errorf("%d turns ran in a burst that had just begun, want 1", n)
		}
		time.Sleep(gateway.Patience)
		w.final(second)
		if n := shown(); n != 2 {
			t.Errorf("%d turns ran in a burst without end, want 2", n)
		}
	})
}
