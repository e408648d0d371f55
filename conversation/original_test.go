package conversation_test

import (
	"os"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// Case 49: what the original store holds is brought over whole, twice the same.
func TestCase49OriginalStoreIsBroughtOver(t *testing.T) {
	t.Parallel()
	path := dbtest.Original(t)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !conversation.IsOriginal(file) {
		t.Fatal("it is not known as a database")
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		m, err := conversation.New(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for range 2 {
			err := m.ImportOriginal(t.Context(), path, conversation.ImportMerge, func(c *conversation.Conversation, err error) {
				if err != nil {
					t.Errorf("%s: %v", c.UserKey, err)
				}
				ids = append(ids, c.ID)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(ids) != 6 || ids[0] != ids[1] || ids[0] != ids[3] || ids[2] != ids[5] || ids[0] == ids[2] {
			t.Errorf("conversations %v", ids)
		}
		a, err := m.Export(t.Context(), ids[0])
		if err != nil {
			t.Fatal(err)
		}
		want := []conversation.Message{
			{Role: "user", Content: "Hello 你好", Tokens: 5, Timestamp: time.Date(2025, 11, 1, 8, 0, 0, 0, time.UTC)},
			{Role: "assistant", Content: "Good morning", Tokens: 10, Timestamp: time.Date(2025, 11, 1, 8, 0, 5, 250e6, time.UTC)},
			{Role: "user", Content: "Again", Timestamp: time.Date(2025, 11, 2, 8, 0, 0, 0, time.UTC)},
		}
		if len(a.Messages) != len(want) {
			t.Fatalf("messages %+v", a.Messages)
		}
		for i, w := range want {
			if got := a.Messages[i]; got.Role != w.Role || got.Content != w.Content || got.Tokens != w.Tokens || !got.Timestamp.Equal(w.Timestamp) {
				t.Errorf("messages[%d]: %+v, want %+v", i, got, w)
			}
		}
		c := a.Conversation
		if c.UserKey != "feishu:private:ou_1" || c.ChatID != "oc_1" || c.Summary != "about tea" || c.Persona != "teacher" ||
			!c.CreatedAt.Equal(want[0].Timestamp) || c.MessageCount != 3 || a.Messages[1].Metadata["model"] != "m" {
			t.Errorf("%+v, metadata %v", c, a.Messages[1].Metadata)
		}
	})
}
