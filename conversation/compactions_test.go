package conversation_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// A summary is made by one replica at a time; of one that died in the middle, what
// comes late is nothing: no message is folded twice.
func TestOneSummaryOnManyReplicas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		m, ctx := newStore(t, db), t.Context()
		c, err := m.GetOrCreate(ctx, conversation.Key{UserKey: "slack:private:U1", Platform: "slack"})
		must(t, err)
		write := func(fn func(ctx context.Context, tx database.Tx) error) {
			t.Helper()
			must(t, db.Write(ctx, fn))
		}
		for range 2 { // wanted twice
			write(func(ctx context.Context, tx database.Tx) error { return m.WantSummaryTx(ctx, tx, c.ID, 7) })
		}
		var taken atomic.Pointer[conversation.Compaction]
		var several atomic.Int64
		var replicas sync.WaitGroup
		for range 8 {
			replicas.Go(func() {
				got, err := m.TakeCompaction(ctx, -time.Second) // whoever takes it dies at once
				if err != nil || got == nil {
					return
				}
				several.Add(1)
				taken.Store(got)
			})
		}
		replicas.Wait()
		if several.Load() == 0 {
			t.Fatal("nobody has taken it")
		}
		next, err := m.TakeCompaction(ctx, time.Minute)
		must(t, err)
		if next == nil || next.Event != 7 || next.Attempts != several.Load()+1 {
			t.Fatalf("the next replica: %+v after %d", next, several.Load())
		}
		if again, err := m.TakeCompaction(ctx, time.Minute); err != nil || again != nil {
			t.Fatalf("two at once: %+v, %v", again, err)
		}
		keep := func(of *conversation.Compaction, text string, end int64) {
			s := conversation.Summary{Text: text, End: end, Foreign: true}
			write(func(ctx context.Context, tx database.Tx) error { return m.KeepSummaryTx(ctx, tx, of, s) })
		}
		keep(taken.Load(), "of the dead one", 3)
		if s, err := m.NextSummary(ctx, c.ID); err != nil || s.Text != "" {
			t.Errorf("a dead replica's summary is kept: %q, %v", s.Text, err)
		}
		keep(next, "of the next one", 5)
		keep(taken.Load(), "of the dead one", 3)
		for range 2 { // a commit that is made again folds nothing twice
			write(func(ctx context.Context, tx database.Tx) error { return m.CutTx(ctx, tx, c.ID, 6, true) })
		}
		got, err := m.Get(ctx, c.ID)
		must(t, err)
		if got.Summary != "of the next one" || got.SummaryEnd != 5 || got.Anchor != 6 || !got.SummaryForeign {
			t.Errorf("summary %q (%v) up to %d, anchor %d", got.Summary, got.SummaryForeign, got.SummaryEnd, got.Anchor)
		}
		keep(next, "late", 9)
		if s, err := m.NextSummary(ctx, c.ID); err != nil || s.Text != "" {
			t.Errorf("after the cut a summary waits: %q, %v", s.Text, err)
		}
	})
}
