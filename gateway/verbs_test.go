package gateway_test

import (
	"context"
	"slices"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// buttoned is a board that remembers the buttons of what it was last shown.
type buttoned struct {
	board

	verbs []platforms.Verb
}

func (b *buttoned) Send(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	b.keep(p)
	return b.board.Send(ctx, to, p)
}

func (b *buttoned) Close(ctx context.Context, to platforms.Address, handle string, p platforms.Part, seq int64) error {
	b.keep(p)
	return b.board.Close(ctx, to, handle, p, seq)
}

func (b *buttoned) keep(p platforms.Part) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verbs = p.Verbs
}

// A reply that another process finishes has the buttons that the first one would
// have shown.
func TestButtonsSurviveATakeover(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]func(context.Context, ai.Ask, func(string)) (string, error){
		"before send": repeating, "before close": writing("first ", "text, ", "long", "."),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				b, stands, wake := &buttoned{}, make(chan struct{}), make(chan struct{})
				at := make(chan struct{}, 1)
				at <- struct{}{}
				b.at = func(when string) error {
					if when != name {
						return nil
					}
					select {
					case <-at: // the first process stands still here
						close(stands)
						<-wake
						return context.Canceled
					default:
						return nil
					}
				}
				first := boardWorld(t, db, nil, &model{reply: reply}, options{owner: "first", sender: b})
				first.start()
				a := first.accept(said("e1", "hi"))[0]
				<-stands
				steal(t, db)
				b.verbs = nil
				second := boardWorld(t, db, nil, &model{reply: reply}, options{owner: "second", sender: b})
				second.start()
				second.final(a)
				b.mu.Lock()
				got := slices.Clone(b.verbs)
				b.mu.Unlock()
				close(wake)
				if want := []platforms.Verb{platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown}; !slices.Equal(got, want) {
					t.Errorf("buttons %q", got)
				}
			})
		})
	}
}
