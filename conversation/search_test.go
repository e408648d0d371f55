package conversation

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/service"
)

// filled returns a conversation of a room that has so many messages of two people.
func filled(tb testing.TB, m *PersistentConversationManager, messages int) *Conversation {
	tb.Helper()
	archive := Archive{Conversation: Conversation{UserKey: "generic:group:*", Platform: "generic", ChatID: fmt.Sprint(messages)}}
	words := []string{"garden", "invoice", "train", "music", "river", "window", "coffee", "winter", "teacher", "bridge", "answer"}
	for i := range messages {
		text := fmt.Sprintf("On trip %d", i)
		for n := range 12 {
			text += " " + words[(i*(n+3)+n*n)%len(words)]
		}
		archive.Messages = append(archive.Messages, Message{
			Role: RoleUser, Author: []string{"generic:group:anna", "generic:group:ben"}[i/3%2], Content: text,
			Timestamp: time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC),
		})
	}
	c, err := m.Import(tb.Context(), archive, ImportNew)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Whatever removes messages removes the blocks that they are in, and searches
// find what is left.
func TestBlocksGoWithTheirMessages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		m := manager(t, db)
		c := filled(t, m, 600)
		const blocks = `SELECT COUNT(*) FROM message_blocks`
		build := func() {
			t.Helper()
			if err := m.buildBlocks(ctx, c.ID); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, blocks); n != 2 {
				t.Fatalf("%d blocks", n)
			}
		}
		search := func(query string) int {
			t.Helper()
			found, err := m.Search(ctx, c.ID, SearchOptions{Query: query, Limit: 500})
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		direct := search("trip 301")
		build()
		if packed := search("trip 301"); packed != direct || packed == 0 {
			t.Fatalf("%d found in blocks, %d without", packed, direct)
		}
		if err := m.EraseAuthored(ctx, "", "generic:group:*", []string{"generic:group:anna"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, blocks); n != 0 {
			t.Fatalf("%d blocks hold what was erased", n)
		}
		build()
		if n := search("trip"); n != 300 {
			t.Errorf("%d found of what is left", n)
		}
		if err := m.Clear(ctx, c.ID); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, blocks); n != 0 || search("trip") != 0 {
			t.Errorf("%d blocks after a clear", n)
		}
		gone := filled(t, m, 300)
		if err := m.buildBlocks(ctx, gone.ID); err != nil {
			t.Fatal(err)
		}
		if err := m.Delete(ctx, gone.ID); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, blocks); n != 0 {
			t.Errorf("%d blocks after a delete", n)
		}
	})
}

// A block is built behind the commit that fills it.
func TestIndex(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	m := manager(t, db)
	var index service.Task
	index.Start(t.Context(), func(ctx context.Context) { m.Index(ctx, slog.New(slog.DiscardHandler)) })
	defer index.Stop()
	c := filled(t, m, 250)
	for range 10 {
		if _, err := m.SaveMessage(t.Context(), c.ID, Message{Role: RoleUser, Content: "one more"}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for count(t, db, `SELECT COUNT(*) FROM message_blocks`) != 1 {
		select {
		case <-ctx.Done():
			t.Fatal("no block was built")
		case <-tick.C:
		}
	}
}

// BenchmarkSearch searches long conversations whose blocks are built, and says
// how many bytes those take for each message.
func BenchmarkSearch(b *testing.B) {
	for _, messages := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(messages), func(b *testing.B) {
			m, err := New(b.Context(), dbtest.New(b))
			if err != nil {
				b.Fatal(err)
			}
			c := filled(b, m, messages)
			if err := m.buildBlocks(b.Context(), c.ID); err != nil {
				b.Fatal(err)
			}
			size := 0
			if err := m.db.QueryRow(b.Context(), m.read(), []any{&size}, `SELECT SUM(LENGTH(packed)) FROM message_blocks`); err != nil {
				b.Fatal(err)
			}
			for n := 0; b.Loop(); n++ {
				found, err := m.Search(b.Context(), c.ID, SearchOptions{Query: fmt.Sprintf("When was the teacher on trip %d by the river in January?", n), Limit: 20})
				if err != nil || len(found) != 20 {
					b.Fatalf("%d found, %v", len(found), err)
				}
			}
			b.ReportMetric(float64(size)/float64(messages), "bytes/message")
		})
	}
}
