package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b burst
		expect := func(want bool, when string) {
			t.Helper()
			if b.goesOn() != want {
				t.Errorf("%s: goes on is %v", when, !want)
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

func TestRestraint(t *testing.T) {
	t.Parallel()
	const step = 10 * time.Millisecond
	// putOff returns for how long of some time turns are put off.
	putOff := func(r *restraint, now *time.Time, goesOn bool, during time.Duration) (total time.Duration) {
		for range during / step {
			if r.putOff(goesOn, *now) {
				total += step
			}
			*now = now.Add(step)
		}
		return total
	}
	now := time.Unix(1_700_000_000, 0)
	r := newRestraint(now)
	for _, phase := range []struct {
		what   string
		goesOn bool
		during time.Duration
		want   time.Duration
	}{
		{"no burst", false, time.Minute, 0},
		{"a burst", true, time.Second, time.Second},
		{"another one, later", false, 10 * time.Second, 0},
		{"is put off in full", true, 2 * time.Second, 2 * time.Second},
		{"it goes on", true, 8 * time.Second, 0},
		{"and on: a second in eleven", true, 44 * time.Second, 4 * time.Second},
	} {
		if got := putOff(&r, &now, phase.goesOn, phase.during); got < phase.want-3*step || got > phase.want+3*step {
			t.Errorf("%s: put off %s of %s, want %s", phase.what, got, phase.during, phase.want)
		}
	}
}
