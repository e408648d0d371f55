package soak_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// Among other tests, which take the processor, the foes are there for short
	// only, and slow is what takes longer than shortLimit. Where the soak has the
	// machine for itself 99 of a hundred acknowledgements come in ackLimit; see allowed.
	short      = 5 * time.Second
	shortLimit = 10 * time.Second
	ackLimit   = 250 * time.Millisecond
	// settled is after how many seconds memory is to stay where it is: by then
	// every foe has come many times.
	settled = 60
	// memoryLimit is what the program may take at its highest, in MB.
	memoryLimit = 450
)

// sieges is how many may be laid. Time and memory are measured on whatever
// machine there is, and something else may take it for some seconds: a limit
// that the program cannot hold is missed in every siege, one that was missed
// because of a neighbour is not. Each siege has a program and a database of its
// own, so that none inherits the memory of the one before. Messages that are
// lost, doubled, failed or refused for good excuse nobody: they end the test in
// whichever siege they happen.
const sieges = 3

// Beside all kinds of foes at once friends are acknowledged in time, each of
// their messages is answered once, and memory stays where it is.
func TestHostileSoak(t *testing.T) {
	length, limit := short, shortLimit
	if text := os.Getenv("PARLEY_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		limit = allowed(t, ackLimit)
	}
	binary, model := build(t), startModel(t)
	var all []string
	for n := range sieges {
		wrong, missed := besieged(t, binary, model, length, limit)
		if len(wrong) > 0 {
			t.Fatalf("siege %d: %s", n+1, strings.Join(append(wrong, missed...), "; "))
		}
		if len(missed) == 0 {
			return
		}
		all = append(all, fmt.Sprintf("siege %d: %s", n+1, strings.Join(missed, "; ")))
		t.Log(all[n])
	}
	t.Fatalf("no siege of %d within the limits: %s", sieges, strings.Join(all, "; "))
}

// besieged starts the program, lays one siege, and returns what went wrong and
// which limits were missed.
func besieged(t *testing.T, binary, model string, length, limit time.Duration) (wrong, missed []string) {
	t.Helper()
	f := newFriendly()
	p := start(t, binary, model, f.callback(t))
	if err := importFile(t.Context(), p, conversation("worst", 3000, 4000, "{}")); err != nil {
		t.Fatal(err)
	}
	memory, enemies, errs := siege(t, f, p, length)
	awaitAnswers(f)
	missed = f.measure(t, p, memory, limit)
	p.stop()
	return append(append(errs, f.count()...), roll(t, enemies)...), missed
}

// roll lists the foes, and returns those that never came.
func roll(t *testing.T, enemies []*foe) (wrong []string) {
	t.Helper()
	for _, e := range enemies {
		t.Logf("%-32s %6d acts, %d in vain", e.name, e.acts.Load(), e.wrong.Load())
		if cause := e.cause.Load(); cause != nil {
			t.Logf("%-32s the last in vain: %v", "", *cause)
		}
		if e.acts.Load() == 0 {
			wrong = append(wrong, e.name+" never came")
		}
	}
	return wrong
}

// siege lets friends and foes loose for so long, and returns the program's
// memory, second by second, in MB, and which friends gave up.
func siege(t *testing.T, f *friendly, p *program, length time.Duration) (memory []int, enemies []*foe, wrong []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var all sync.WaitGroup
	gaveUp := make(chan string, friends)
	for i := range friends {
		all.Go(func() {
			pause(ctx, perFriend*time.Duration(i)/friends)
			if err := f.write(ctx, p.url, fmt.Sprint("friend", i)); err != nil {
				gaveUp <- err.Error()
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
	close(gaveUp)
	for text := range gaveUp {
		wrong = append(wrong, text)
	}
	return memory, enemies, wrong
}

// awaitAnswers waits until every accepted message is answered, or late.
func awaitAnswers(f *friendly) {
	for late := time.After(time.Minute); ; {
		if none, _ := f.unanswered(); len(none) == 0 {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			return // count says what is missing
		}
	}
}

// count returns what is wrong with the friends' messages.
func (f *friendly) count() (wrong []string) {
	none, twice := f.unanswered()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(none)+len(twice)+len(f.failed) > 0 {
		wrong = append(wrong, fmt.Sprintf("unanswered %v, answered twice %v, failed %v", none, twice, f.failed))
	}
	if len(f.accepted) < friends {
		wrong = append(wrong, fmt.Sprintf("only %d messages were taken", len(f.accepted)))
	}
	return wrong
}

// measure returns which limits of time and memory were missed.
func (f *friendly) measure(t *testing.T, p *program, memory []int, limit time.Duration) (missed []string) {
	t.Helper()
	_, highest := p.resident(t)
	early, late := level(memory[len(memory)/4:len(memory)/2]), level(memory[len(memory)*3/4:])
	p99 := f.percentile(99)
	t.Logf("%d messages of friends, %d tries again; ack p50 %s, p99 %s, longest %s; memory %d MB early, %d MB late, %d MB at its highest",
		len(f.accepted), f.again, f.percentile(50), p99, f.percentile(100), early, late, highest)
	if p99 > limit {
		missed = append(missed, fmt.Sprintf("acknowledged in %s (p99), want %s", p99, limit))
	}
	if highest > memoryLimit || len(memory) > settled && late > early*6/5+20 {
		missed = append(missed, fmt.Sprintf("memory grew from %d to %d MB, %d at its highest, want %d", early, late, highest, memoryLimit))
	}
	return missed
}

// level is the middle of what was measured.
func level(memory []int) int {
	if len(memory) == 0 {
		return 0
	}
	memory = slices.Sorted(slices.Values(memory))
	return memory[len(memory)/2]
}
