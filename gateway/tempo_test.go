package gateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/database/dbtest"
)

// brisk is a board whose messages may change five times a second.
type brisk struct{ board }

func (*brisk) EditEvery() time.Duration { return 200 * time.Millisecond }

// A platform says how often its messages may change; where it does not, it is
// once a second.
func TestTempoOfAPlatform(t *testing.T) {
	t.Parallel()
	pieces := make([]string, 100) // six seconds
	for i := range pieces {
		pieces[i] = "word "
	}
	edits := func(t *testing.T, b *board, o options) (n int) {
		t.Helper()
		o.owner, o.workers = "me", 1
		w := process(t, dbtest.New(t), &model{reply: writing(pieces...)}, nil, o)
		w.start()
		w.final(w.accept(said("e1", "hi"))[0])
		return b.count("after edit")
	}
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		if n := edits(t, b, options{sender: b}); n < 3 || n > 6 {
			t.Errorf("%d changes in six seconds", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := &brisk{}
		if n := edits(t, &b.board, options{sender: b}); n < 18 || n > 30 {
			t.Errorf("%d changes in six seconds of what may change five times a second", n)
		}
	})
}
