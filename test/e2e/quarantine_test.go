package e2e_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// TestFreshMessagesBesideQuarantine kills the gateway twice, with kill -9, while
// thirty messages are being answered, none of which is to blame. Whoever writes
// then, over and over, waits for one of those that must run alone at most; and
// all thirty are answered, each once. PARLEY_QUARANTINE_MODEL is how long the
// model takes; 5s is what docs/promise.md tells of.
func TestFreshMessagesBesideQuarantine(t *testing.T) {
	t.Parallel()
	const old, quarantined = 30, 8
	model, slowness := time.Second, 4*time.Second // a loaded machine is slow; one after the other, those would hold it up for eight
	if d, err := time.ParseDuration(os.Getenv("PARLEY_QUARANTINE_MODEL")); err == nil {
		model, slowness = d, 2*time.Second
	}
	w := newWorld(t)
	w.openai.Always(fakeopenai.Step{Think: model})
	ctx, cancel := context.WithTimeout(t.Context(), 30*model+time.Minute)
	defer cancel()
	p := w.spawn(t, "only")
	s := newSender(p.url)
	var sent sync.WaitGroup
	for i := range old {
		sent.Go(func() { s.send(ctx, w.request(ctx, i)) })
	}
	sent.Wait()
	for _, calls := range []int{old, old + quarantined} {
		if _, err := w.openai.WaitCalls(ctx, calls); err != nil {
			t.Fatalf("%d calls of the model, want %d: %v", len(w.openai.Calls()), calls, err)
		}
		pause(ctx, model*3/10) // 1.5 s of 5
		p.kill()
		p = w.spawn(t, "only")
		s.url.Store(&p.url)
	}
	begin, total := time.Now(), old
	var waits []time.Duration
	for ; ctx.Err() == nil; total++ {
		if lost, _ := w.count(old); len(lost) == 0 {
			break
		}
		at := time.Now()
		s.send(ctx, w.request(ctx, total))
		waits = append(waits, w.asked(ctx, total).Sub(at))
		for lost, _ := w.count(total + 1); slices.Contains(lost, total) && ctx.Err() == nil; lost, _ = w.count(total + 1) {
			pause(ctx, 5*time.Millisecond)
		}
	}
	took := time.Since(begin)
	if lost, doubled := w.audit(ctx, total); len(lost)+len(doubled) > 0 {
		t.Errorf("lost %v, doubled %v; the ledger says of the first: %s", lost, doubled, ledgerOf(t, p.url, append(lost, doubled...)[0]))
	}
	longest := slices.Max(waits)
	t.Logf("model %s: of %d fresh messages none waited longer than %.1f s; all %d were answered %.0f s after the second kill",
		model, len(waits), longest.Seconds(), old, took.Seconds())
	if limit := model + slowness; longest > limit {
		t.Errorf("a fresh message waited %s, want %s at most", longest, limit)
	}
}

// asked waits until the model is asked about the i-th event and returns when it was.
func (w *world) asked(ctx context.Context, i int) time.Time {
	text := fmt.Sprintf("question %d.", i)
	for ctx.Err() == nil {
		calls := w.openai.Calls()
		n := slices.IndexFunc(calls, func(c fakeopenai.Call) bool { return strings.HasSuffix(c.LastUserText(), text) })
		if n >= 0 {
			return calls[n].At
		}
		pause(ctx, 5*time.Millisecond)
	}
	return time.Now()
}
