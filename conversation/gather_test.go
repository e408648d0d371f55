package conversation

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// Many savers' messages in one transaction of SQLite: those of one conversation keep
// their order, and who is cancelled or asks for a conversation that is not
// there costs the others nothing.
func TestSaveAll(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	m, ctx := manager(t, db), t.Context()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	var items []*saving
	add := func(ctx context.Context, id int64, content string) {
		items = append(items, &saving{ctx: ctx, id: id, row: messageRow{
			Role: string(RoleUser), Content: content, Timestamp: db.Now(), Tokens: 1,
		}})
	}
	for i := range 2*manyRows + 3 {
		c, err := m.GetOrCreate(ctx, Key{UserKey: fmt.Sprint("generic:private:", i)})
		if err != nil {
			t.Fatal(err)
		}
		add(ctx, c.ID, "first")
		add(gone, c.ID, "never")
		add(ctx, c.ID+1000, "nowhere")
		add(ctx, c.ID, "second")
	}
	for range 2 { // as when the commit has to be made again
		broken := errors.New("broken")
		err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			return errors.Join(m.saveAll(ctx, tx, items), broken)
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	if err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return m.saveAll(ctx, tx, items) }); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(items); i += 4 {
		first, never, nowhere, second := items[i], items[i+1], items[i+2], items[i+3]
		if first.err != nil || second.err != nil || first.kept != 1 || second.kept != 2 {
			t.Errorf("saved as %d, %v and %d, %v", first.kept, first.err, second.kept, second.err)
		}
		if !errors.Is(never.err, context.Canceled) || !errors.Is(nowhere.err, ErrNotFound) {
			t.Errorf("errors %v, %v", never.err, nowhere.err)
		}
		a, err := m.Export(ctx, first.id)
		if err != nil || a.Conversation.MessageCount != 2 || len(a.Messages) != 2 || a.Messages[1].Content != "second" {
			t.Errorf("%+v, %v", a, err)
		}
		if used, err := m.TokensUsed(ctx, a.Conversation.UserKey, time.Time{}); err != nil || used != 2 {
			t.Errorf("%d tokens, %v", used, err)
		}
	}
}
