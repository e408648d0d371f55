package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBurstIsNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b shedder
		expect := func(want bool, when string) {
			t.Helper()
			if b.burst() != want {
				t.Errorf("%s: a burst is %v", when, !want)
			}
		}
		expect(false, "before the first webhook")
		for range crowd - 1 {
			b.arrive()
		}
		expect(false, "one less than a crowd")
		b.arrive()
		expect(true, "a crowd")
		time.Sleep(time.Minute)
		expect(true, "a crowd that does not get its answers")
		for range crowd {
			b.leave()
		}
		for range crowd {
			b.arrive()
			b.leave()
		}
		expect(false, "one after the other, long after the crowd")
		for range crowd {
			b.arrive()
		}
		for range crowd {
			b.leave()
		}
		time.Sleep(crowdGone - time.Nanosecond)
		expect(true, "between two commits of a burst")
		time.Sleep(time.Nanosecond)
		expect(false, "when it is over")
	})
}

// Turns are put off for as long as there is patience, and it comes back slowly.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const step = 10 * time.Millisecond
		var s shedder
		for _, phase := range []struct {
			what   string
			burst  bool
			during time.Duration
			want   time.Duration // that turns are put off
		}{
			{"no burst", false, time.Minute, 0},
			{"a burst", true, time.Second, time.Second},
			{"another one, later", false, 10 * time.Second, 0},
			{"is put off in full", true, 2 * time.Second, 2 * time.Second},
			{"it goes on", true, 8 * time.Second, 0},
			{"and on: a second in eleven", true, 44 * time.Second, 4 * time.Second},
		} {
			s.arriving.Store(0)
			if phase.burst {
				s.arriving.Store(crowd)
			}
			var off time.Duration
			for range phase.during / step {
				if s.shed() {
					off += step
				}
				time.Sleep(step)
			}
			if off < phase.want-3*step || off > phase.want+3*step {
				t.Errorf("%s: put off %s of %s, want %s", phase.what, off, phase.during, phase.want)
			}
		}
	})
}
