package conversation_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/parley-bot/parley/conversation"
)

// between calls do once, after the first piece was written.
type between struct {
	text []byte
	do   func()
}

func (b *between) Write(p []byte) (int, error) {
	if b.do != nil {
		b.do()
		b.do = nil
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// An export of a database in memory holds nobody up, and is what was there when
// it began: without what came later, and broken off when something was removed.
func TestExportInMemory(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	m, err := conversation.Open(ctx, conversation.Options{DBURL: "sqlite:///:memory:"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	c, err := m.GetOrCreate(ctx, conversation.Key{UserKey: "generic:private:alice", Platform: "generic"})
	if err != nil {
		t.Fatal(err)
	}
	save := func(n int) {
		t.Helper()
		for i := range n {
			if _, err := m.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	const many = 1003 // some pages
	save(many)
	out := between{do: func() { save(7) }}
	if err := m.ExportTo(ctx, c.ID, &out); err != nil {
		t.Fatal(err)
	}
	var got conversation.Archive
	if err := json.Unmarshal(out.text, &got); err != nil || len(got.Messages) != many || got.Conversation.MessageCount != many {
		t.Errorf("%d messages, head %+v, %v", len(got.Messages), got.Conversation, err)
	}
	out = between{do: func() {
		if err := m.Clear(ctx, c.ID); err != nil {
			t.Error(err)
		}
		save(many)
	}}
	if err := m.ExportTo(ctx, c.ID, &out); err == nil {
		t.Error("half of an export passed for the whole")
	}
}
