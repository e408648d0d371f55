package conversation_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// However the messages of a conversation come to be removed, who wants to know
// of it is told in the same commit.
func TestGoneIsTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		m, err := conversation.New(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		var told []conversation.Gone
		m.OnGone(func(_ context.Context, _ database.Tx, g conversation.Gone) error {
			told = append(told, g)
			return nil
		})
		old := time.Now().AddDate(0, 0, -10)
		for name, remove := range map[string]func(id int64, key conversation.Key) error{
			"clear":   func(id int64, _ conversation.Key) error { return m.Clear(ctx, id) },
			"delete":  func(id int64, _ conversation.Key) error { return m.Delete(ctx, id) },
			"cleanup": func(int64, conversation.Key) error { _, err := m.CleanupOld(ctx, 5); return err },
			"replace": func(_ int64, key conversation.Key) error {
				_, err := m.Import(ctx, conversation.Archive{Conversation: conversation.Conversation{UserKey: key.UserKey, Platform: "generic"}}, conversation.ImportReplace)
				return err
			},
			"reset": func(id int64, _ conversation.Key) error {
				return db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return m.ClearTx(ctx, tx, id) })
			},
			"forget-me": func(_ int64, key conversation.Key) error {
				return db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
					_, err := m.HideTx(ctx, tx, "", []string{key.UserKey})
					return err
				})
			},
		} {
			key := conversation.Key{UserKey: "generic:private:" + name, Platform: "generic"}
			active := time.Now()
			if name == "cleanup" {
				active = old
			}
			c, err := m.Import(ctx, conversation.Archive{
				Conversation: conversation.Conversation{UserKey: key.UserKey, Platform: "generic", LastActivity: active},
				Messages:     []conversation.Message{{Role: conversation.RoleUser, Content: "x", Timestamp: old}},
			}, conversation.ImportNew)
			if err != nil {
				t.Fatal(err)
			}
			told = nil
			if err := remove(c.ID, key); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(told) != 1 || told[0].ID != c.ID || !bytes.Equal(told[0].Identity, key.Identity()) {
				t.Errorf("%s of %d: told of %+v", name, c.ID, told)
			}
		}
	})
}
