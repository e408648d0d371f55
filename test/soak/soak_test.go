package soak_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	// Among other tests, which take the processor, the foes are there for short
	// only, and slow is what takes longer than shortLimit. Where the soak has the
	// machine for itself 99 of a hundred acknowledgements come in ackLimit.
	short      = 5 * time.Second
	shortLimit = 10 * time.Second
	ackLimit   = 250 * time.Millisecond
	// settled is after how many seconds memory is to stay where it is: by then
	// every foe has come many times.
	settled = 60
	// memoryLimit is what the program may take at its highest, in MB.
	memoryLimit = 450
)

// Beside all kinds of foes at once friends are acknowledged in time, each of
// their messages is answered once, and memory stays where it is.
func TestHostileSoak(t *testing.T) {
	length, limit := short, shortLimit
	if text := os.Getenv("PARLEY_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		limit = ackLimit
	}
	f := newFriendly()
	p := start(t, startModel(t), f.callback(t))
	if err := importFile(t.Context(), p, conversation("worst", 3000, 4000, "{}")); err != nil {
		t.Fatal(err)
	}
	memory, enemies := siege(t, f, p, length)
	awaitAnswers(t, f)
	judge(t, f, p, memory, limit)
	for _, e := range enemies {
		t.Logf("%-32s %6d acts, %d in vain", e.name, e.acts.Load(), e.wrong.Load())
		if cause := e.cause.Load(); cause != nil {
			t.Logf("%-32s the last in vain: %v", "", *cause)
		}
		if e.acts.Load() == 0 {
			t.Errorf("%s: never came", e.name)
		}
	}
}

// siege lets friends and foes loose for so long, and returns the program's
// memory, second by second, in MB.
func siege(t *testing.T, f *friendly, p *program, length time.Duration) (memory []int, enemies []*foe) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var all sync.WaitGroup
	for i := range friends {
		all.Go(func() {
			pause(ctx, perFriend*time.Duration(i)/friends)
			if err := f.write(ctx, p.url, fmt.Sprint("friend", i)); err != nil {
				t.Error(err)
			}
		})
	}
	enemies = foes()
	for _, e := range enemies {
		for i := range e.many {
			all.Go(func() {
				pause(ctx, time.Second*time.Duration(i)/time.Duration(e.many))
				e.run(ctx, p)
			})
		}
	}
	for ctx.Err() == nil {
		now, _ := p.resident(t)
		memory = append(memory, now)
		pause(ctx, time.Second)
	}
	all.Wait()
	return memory, enemies
}

// awaitAnswers waits until every accepted message is answered.
func awaitAnswers(t *testing.T, f *friendly) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		if none, _ := f.unanswered(); len(none) == 0 {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			return // judge says what is missing
		}
	}
}

func judge(t *testing.T, f *friendly, p *program, memory []int, limit time.Duration) {
	t.Helper()
	none, twice := f.unanswered()
	if len(none)+len(twice)+len(f.failed) > 0 {
		t.Errorf("unanswered %v, answered twice %v, failed %v", none, twice, f.failed)
	}
	_, highest := p.resident(t)
	early, late := level(memory[len(memory)/4:len(memory)/2]), level(memory[len(memory)*3/4:])
	t.Logf("%d messages of friends, %d tries again; ack p50 %s, p99 %s, longest %s; memory %d MB early, %d MB late, %d MB at its highest",
		len(f.accepted), f.again, f.percentile(50), f.percentile(99), f.percentile(100), early, late, highest)
	if len(f.accepted) < friends {
		t.Errorf("only %d messages were taken", len(f.accepted))
	}
	if p99 := f.percentile(99); p99 > limit {
		t.Errorf("acknowledged in %s (p99), want %s", p99, limit)
	}
	if highest > memoryLimit || len(memory) > settled && late > early*6/5+20 {
		t.Errorf("memory grew from %d to %d MB, %d at its highest", early, late, highest)
	}
}

// level is the middle of what was measured.
func level(memory []int) int {
	if len(memory) == 0 {
		return 0
	}
	memory = slices.Sorted(slices.Values(memory))
	return memory[len(memory)/2]
}
