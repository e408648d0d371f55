package outbox

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/platforms"
)

// standing is a pacer whose time stands still, and what a chat and an app allow.
func standing() (p *pacer, now *time.Time, limits []platforms.Limit) {
	at := time.Unix(1_800_000_000, 0)
	p = newPacer(func() time.Time { return at })
	return p, &at, []platforms.Limit{
		{Scope: "chat", Every: 100 * time.Millisecond},
		{Scope: "app", Every: 10 * time.Millisecond, Burst: 5},
	}
}

// Whoever comes later goes later, by what the narrowest limit asks.
func TestLineIsKept(t *testing.T) {
	t.Parallel()
	p, now, limits := standing()
	begun := *now
	for id := range int64(20) {
		want := time.Duration(id) * 105 * time.Millisecond
		for range 2 { // a second look does not cost the place
			if got := p.wait("x", id, limits); got != want {
				t.Errorf("%d waits %v, want %v", id, got, want)
			}
		}
	}
	sent := 0
	for ; now.Sub(begun) < 3*time.Second; *now = now.Add(time.Millisecond) {
		for id := int64(sent); id < 20; id++ {
			if wait, _ := p.enter("x", id, limits); wait > 0 {
				break
			}
			sent++
			if took := now.Sub(begun); took < time.Duration(id)*100*time.Millisecond {
				t.Fatalf("%d is sent after %v", id, took)
			}
		}
	}
	if sent != 20 {
		t.Errorf("%d sent", sent)
	}
}

// A limit is of what it names, and a burst is free.
func TestLinesAreApart(t *testing.T) {
	t.Parallel()
	p, _, limits := standing()
	for id := range int64(10) {
		p.wait("x", id, limits[:1])
	}
	for id := int64(100); id < 105; id++ {
		if wait, _ := p.enter("x", id, []platforms.Limit{{Scope: "other", Every: time.Second}, limits[1]}); (wait > 0) != (id > 100) {
			t.Errorf("%d waits %v", id, wait)
		}
	}
	for id := int64(200); id < 206; id++ {
		if wait, _ := p.enter("y", id, limits[1:]); (wait > 0) != (id == 205) {
			t.Errorf("%d waits %v in a burst of five", id, wait)
		}
	}
}

// What the platform asks to wait moves the whole line; who was refused is at its
// head, and nobody changes places.
func TestLineIsPutOff(t *testing.T) {
	t.Parallel()
	p, now, limits := standing()
	limits = limits[:1]
	for id := range int64(5) {
		p.wait("x", id, limits)
	}
	if wait, _ := p.enter("x", 0, limits); wait != 0 {
		t.Fatal(wait)
	}
	if wait := p.putOff("x", 0, "chat", 3*time.Second); wait != 3*time.Second {
		t.Errorf("the first waits %v", wait)
	}
	last := time.Duration(0)
	for id := range int64(7) {
		wait := p.wait("x", id, limits)
		if wait < 3*time.Second || id > 0 && wait < last+100*time.Millisecond || wait > 4*time.Second {
			t.Errorf("%d waits %v after %v", id, wait, last)
		}
		last = wait
	}
	*now = now.Add(5 * time.Minute)
	p.wait("x", 99, nil)
	if len(p.places) != 1 || len(p.lines) != 0 {
		t.Errorf("%d places and %d lines are kept", len(p.places), len(p.lines))
	}
}

// Changes of growing messages leave half of what may come at once to sends and
// closings, and are not made where somebody stands in line.
func TestChangesGiveWay(t *testing.T) {
	t.Parallel()
	p, now, _ := standing()
	limits := []platforms.Limit{{Scope: "update", Every: 100 * time.Millisecond, Burst: 10}}
	changes := 0
	for changes < 20 && p.try("x", limits) {
		changes++
	}
	if changes < 4 || changes > 6 {
		t.Errorf("%d changes at once", changes)
	}
	closings := int64(0)
	for closings < 20 {
		if wait, _ := p.enter("x", closings, limits); wait > 0 {
			break
		}
		closings++
	}
	if closings < 4 || int(closings)+changes > 11 {
		t.Errorf("%d closings beside %d changes", closings, changes)
	}
	for range 10 { // who stands in line goes first, however much time passes
		*now = now.Add(105 * time.Millisecond)
		p.wait("x", 100+closings, limits)
		if closings++; p.try("x", limits) {
			t.Fatal("a change goes before a closing")
		}
	}
}
