package outbox

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/platforms"
)

// lasting is a platform on which a message grows as long as it is written.
type lasting struct {
	platforms.Streamer
	edits int
}

func (l *lasting) KeepEvery() time.Duration { return time.Minute }

func (l *lasting) Split(reply string) []string { return []string{reply} }

func (l *lasting) Edit(context.Context, platforms.Address, string, string, int64) error {
	l.edits++
	return nil
}

// fleeting is one that needs no such care.
type fleeting struct{ platforms.Streamer }

func (fleeting) Split(reply string) []string { return []string{reply} }

func (fleeting) Edit(context.Context, platforms.Address, string, string, int64) error { return nil }

// While the model says nothing for long, a message is kept growing where the
// platform asks for it.
func TestGrowingMessageIsKept(t *testing.T) {
	t.Parallel()
	quiet := func(t *testing.T, s platforms.Streamer, d time.Duration) (changes int64) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		g := &Draft{
			box: &Outbox{pace: newPacer(time.Now), o: Options{EditEvery: time.Second}}, s: s, d: &Delivery{Platform: "x"},
			left: func() time.Duration { return time.Hour }, cancel: cancel, ended: make(chan struct{}), fresh: make(chan struct{}, 1),
			parts: []part{{handle: "h", state: sending, takes: 1, taken: true}},
		}
		go func() {
			defer close(g.ended)
			g.grow(ctx)
		}()
		g.Delta("word")
		time.Sleep(d)
		g.Stop()
		return g.own().changes
	}
	synctest.Test(t, func(t *testing.T) {
		l := &lasting{}
		if quiet(t, l, 12*time.Minute+30*time.Second); l.edits != 13 {
			t.Errorf("written %d times in twelve minutes of silence", l.edits)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if n := quiet(t, fleeting{}, 12*time.Minute); n != 1 {
			t.Errorf("written %d times although nobody asked for it", n)
		}
	})
}
