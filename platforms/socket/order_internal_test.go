package socket

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/platforms"
)

// said is one message: where, when by the platform's clock and when it came in,
// both in milliseconds.
type said struct {
	chat        string
	at, arrives int
}

// Neighbours that change places between two connections are stored in the order
// they were said, whatever else comes in; what is late is not waited for.
func TestInOrder(t *testing.T) {
	t.Parallel()
	var crowd []said
	for i := range 3 * maxHeld {
		crowd = append(crowd, said{fmt.Sprint("c", i), 10_000 - i, 0})
	}
	for name, tt := range map[string]struct {
		in   []said
		want string // what is stored: chat and platform's time
		last time.Duration
	}{
		"as said":             {[]said{{"a", 1, 0}, {"a", 2, 0}}, "a1 a2", neighbourly},
		"swapped":             {[]said{{"a", 2, 0}, {"a", 1, 40}}, "a1 a2", neighbourly},
		"three, turned round": {[]said{{"a", 3, 0}, {"a", 2, 10}, {"a", 1, 20}}, "a1 a2 a3", neighbourly},
		"too late":            {[]said{{"a", 2, 0}, {"a", 1, 60}}, "a2 a1", 60*time.Millisecond + neighbourly},
		"another chat":        {[]said{{"a", 2, 0}, {"b", 1, 10}, {"a", 1, 20}}, "a1 a2 b1", 10*time.Millisecond + neighbourly},
		"at the same time":    {[]said{{"a", 1, 0}, {"a", 1, 1}, {"a", 1, 2}}, "a1 a1 a1", 2*time.Millisecond + neighbourly}, //nolint:dupword // three of them
		"without a time":      {[]said{{"a", 5, 0}, {"a", -1, 10}}, "a5 a-1", 10*time.Millisecond + neighbourly},
		"a crowd":             {crowd, "", neighbourly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun, stored := time.Now(), ""
				jobs, done := make(chan job, queue), make(chan struct{})
				var last time.Duration
				n := 0
				go func() {
					defer close(done)
					inOrder(jobs, nil, waitsFor(neighbourly), func(j job) {
						if n++; n == len(tt.in) {
							last = time.Since(begun)
						}
						stored += " " + j.frame.In.Events[0].Text
					})
				}()
				for _, s := range tt.in {
					time.Sleep(time.Until(begun.Add(time.Duration(s.arrives) * time.Millisecond)))
					e := platforms.Event{ChatID: s.chat, Text: fmt.Sprint(s.chat, s.at)}
					if s.at >= 0 {
						e.SentAt = time.UnixMilli(int64(s.at))
					}
					jobs <- job{frame: Frame{In: &platforms.Inbound{Events: []platforms.Event{e}, Arrived: time.Now()}}}
				}
				time.Sleep(time.Second)
				close(jobs)
				<-done
				if tt.want != "" && stored != " "+tt.want {
					t.Errorf("stored%s, want %s", stored, tt.want)
				}
				if n != len(tt.in) || last != tt.last {
					t.Errorf("%d of %d stored, the last after %v, want %v", n, len(tt.in), last, tt.last)
				}
			})
		})
	}
}

// What waits is stored at once when nothing more comes.
func TestInOrderEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		jobs, begun, stored := make(chan job, 1), time.Now(), 0
		jobs <- job{frame: Frame{In: &platforms.Inbound{Arrived: begun}}}
		close(jobs)
		inOrder(jobs, nil, waitsFor(neighbourly), func(job) { stored++ })
		if stored != 1 || time.Since(begun) != 0 {
			t.Errorf("%d stored after %v", stored, time.Since(begun))
		}
	})
}

// waitsFor makes everything wait so long.
func waitsFor(d time.Duration) func(job) time.Duration {
	return func(j job) time.Duration { return d - time.Since(j.frame.In.Arrived) }
}

// What was read before it is known that nothing earlier comes is not overlooked.
func TestInOrderSeesWhatWasReadMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		jobs, poke, done, stored := make(chan job, queue), make(chan struct{}, 1), make(chan struct{}), ""
		said := func(ms int64) job {
			e := platforms.Event{ChatID: "a", SentAt: time.UnixMilli(ms), Text: fmt.Sprint(ms)}
			return job{frame: Frame{In: &platforms.Inbound{Events: []platforms.Event{e}}}}
		}
		read := false // the other connection, up to its answer
		go func() {
			defer close(done)
			inOrder(jobs, poke, func(job) time.Duration {
				if read {
					return 0
				}
				jobs <- said(1) // just before the answer
				read = true
				return 0
			}, func(j job) { stored += " " + j.frame.In.Events[0].Text })
		}()
		jobs <- said(2)
		synctest.Wait()
		close(jobs)
		<-done
		if stored != " 1 2" {
			t.Errorf("stored%s, want 1 2", stored)
		}
	})
}

// A connection is settled once what had waited for it is known to have come.
func TestOrderSettles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := newOrder(), &Conn{}
		o.opened(c)
		settledAfter := func() time.Duration {
			begun := time.Now()
			for !o.settled() && time.Since(begun) < time.Minute {
				time.Sleep(time.Millisecond)
			}
			return time.Since(begun)
		}
		if took := settledAfter(); took != patient { // nothing answers
			t.Errorf("settled after %v, want %v", took, patient)
		}
		o.opened(c)
		o.answered(c, o.asks(c))
		if took := settledAfter(); took != quiet {
			t.Errorf("settled after %v, want %v", took, quiet)
		}
		o.reads(c, time.Now())
		idle := o.idle(c)
		if took := settledAfter(); took < time.Minute {
			t.Errorf("settled after %v with a message under way", took)
		}
		select {
		case <-idle:
			t.Error("a message is under way")
		default:
		}
		o.stored(c)
		<-idle
		<-o.idle(c)
		if !o.settled() {
			t.Error("not settled once it is stored")
		}
	})
}

// Until another connection has been read as far as was sent before, or where it
// has broken, what was said later waits for it, but not for ever.
func TestOrderWaits(t *testing.T) {
	t.Parallel()
	type world struct {
		*order
		mine, other *Conn
	}
	// answer lets the other connection answer a ping after a while.
	answer := func(w world, after time.Duration) {
		go func() {
			ping := w.asks(w.other)
			time.Sleep(after)
			w.answered(w.other, ping)
		}()
	}
	broken := func(w world) { w.ended(w.other, true) }
	replaced := func(w world) {
		w.other = &Conn{}
		w.opened(w.other)
		answer(w, time.Millisecond)
	}
	for name, tt := range map[string]struct {
		usual   time.Duration // answer of the other connection, 0: none
		arrange func(w world) // once a message came over mine
		want    time.Duration
	}{
		"it answers":                  {time.Millisecond, func(w world) { answer(w, 3*time.Millisecond) }, 3 * time.Millisecond},
		"it answers late for once":    {time.Millisecond, func(w world) { answer(w, 700*time.Millisecond) }, 700 * time.Millisecond},
		"it answers no more":          {time.Millisecond, func(w world) { answer(w, time.Hour) }, patient},
		"it is silent for long":       {time.Millisecond, func(w world) { w.asks(w.other); w.other.silent = time.Now().Add(-patient) }, neighbourly},
		"it is far away":              {200 * time.Millisecond, func(w world) { answer(w, 200*time.Millisecond) }, neighbourly},
		"it never answers":            {0, func(world) {}, neighbourly},
		"it is new and never answers": {0, func(w world) { w.opened(w.other) }, patient},
		"it is new and far away":      {0, func(w world) { w.opened(w.other); answer(w, 200*time.Millisecond) }, 200 * time.Millisecond},
		"it is new and brings that": {0, func(w world) {
			w.opened(w.other)
			w.reads(w.other, time.UnixMilli(1))
			w.read(w.other)
			answer(w, time.Millisecond)
		}, quiet},
		"it is being ended":             {0, func(w world) { w.leaving(w.other) }, patient},
		"it has been ended":             {0, func(w world) { w.ended(w.other, false) }, quiet},
		"it brings what was before":     {time.Millisecond, func(w world) { w.reads(w.other, time.UnixMilli(1)); w.read(w.other); answer(w, time.Millisecond) }, time.Millisecond},
		"it goes on with that":          {time.Millisecond, func(w world) { w.reads(w.other, time.UnixMilli(1)); answer(w, time.Millisecond) }, patient},
		"it brings what came after":     {time.Millisecond, func(w world) { w.reads(w.other, time.UnixMilli(9)); answer(w, time.Millisecond) }, time.Millisecond},
		"it has broken":                 {time.Millisecond, broken, patient},
		"it has broken and is replaced": {time.Millisecond, func(w world) { broken(w); time.Sleep(200 * time.Millisecond); replaced(w) }, 200*time.Millisecond + quiet},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := world{newOrder(), &Conn{}, &Conn{}}
				w.opened(w.mine)
				w.opened(w.other)
				if tt.usual > 0 {
					answer(w, tt.usual)
				}
				time.Sleep(settled)
				begun := time.Now()
				in := &platforms.Inbound{Arrived: begun, Events: []platforms.Event{{SentAt: time.UnixMilli(5)}}}
				j := job{conn: w.mine, frame: Frame{In: in}, after: w.reads(w.mine, time.UnixMilli(5))}
				tt.arrange(w)
				for w.wait(j) > 0 {
					time.Sleep(min(700*time.Microsecond, w.wait(j)))
				}
				if waited := time.Since(begun).Truncate(time.Millisecond); waited != tt.want.Truncate(time.Millisecond) {
					t.Errorf("waited %v, want %v", waited, tt.want)
				}
				time.Sleep(2 * time.Hour) // every answer has come
			})
		})
	}
}
