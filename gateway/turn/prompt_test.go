package turn_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// BenchmarkPrompt builds the prompt of a long conversation, from the database to
// what the model is given.
func BenchmarkPrompt(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint("messages=", n), func(b *testing.B) {
			db := dbtest.New(b)
			_, r, store := build(b, db, &chat{}, nil, func(o *turn.Options) { o.HistoryTokens = 8000 })
			e := said("1", "")
			conv, err := store.GetOrCreate(b.Context(), inbox.ScopeThread.Key(&e))
			must(b, err)
			for i := 0; i < n; i += 1000 {
				messages := make([]conversation.Message, 1000)
				for k := range messages {
					messages[k] = conversation.Message{Role: conversation.RoleUser, Content: fmt.Sprintf("%d: %s", i+k, strings.Repeat("what about it? ", 8))}
					if k%2 == 1 {
						messages[k].Role = conversation.RoleAssistant
					}
				}
				must(b, db.Write(b.Context(), func(ctx context.Context, tx database.Tx) error {
					_, err := store.SaveTx(ctx, tx, conv.ID, messages...)
					return err
				}))
			}
			a := ai.NewAssistant(ai.Options{SystemPrompt: "Be brief.", ContextTokens: 8000})
			for b.Loop() {
				conv, err := store.Find(b.Context(), inbox.ScopeThread.Key(&e))
				must(b, err)
				ask, err := r.Asked(b.Context(), conv)
				must(b, err)
				if p := a.Prompt(ask); len(p.Messages) < 50 {
					b.Fatal(len(p.Messages))
				} else if p.First != 0 {
					must(b, db.Write(b.Context(), func(ctx context.Context, tx database.Tx) error {
						return store.CutTx(ctx, tx, conv.ID, p.First, false)
					}))
				}
			}
		})
	}
}
