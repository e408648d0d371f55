package conversation_test

import (
	"context"
	"fmt"
	"os"

	"github.com/parley-bot/parley/conversation"
)

// A program that keeps conversations in a database of its own.
func ExampleOpen() {
	ctx := context.Background()
	store, err := conversation.Open(ctx, conversation.Options{DBURL: "sqlite:///:memory:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	c, _ := store.GetOrCreate(ctx, conversation.Key{UserKey: "app:private:alice", Platform: "app", ChatID: "alice"})
	_, _ = store.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: "What is a lane?", Tokens: 5})
	_, _ = store.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleAssistant, Content: "A queue.", Tokens: 3})
	history, _ := store.LoadHistory(ctx, c.ID, conversation.HistoryOptions{MaxTurns: 10})
	for _, m := range history {
		fmt.Println(m.Role, m.Content)
	}
	// Output:
	// user What is a lane?
	// assistant A queue.
}

// A backup is a directory with one file for each conversation, which another
// database, on another engine too, takes up again.
func ExamplePersistentConversationManager_BackupAll() {
	ctx := context.Background()
	from, err := conversation.Open(ctx, conversation.Options{DBURL: "sqlite:///:memory:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer from.Close()
	_, _ = from.GetOrCreate(ctx, conversation.Key{UserKey: "app:private:alice", Platform: "app"})
	dir, _ := os.MkdirTemp("", "backup")
	defer os.RemoveAll(dir)
	saved, err := from.BackupAll(ctx, dir)
	fmt.Println(saved, err)

	to, err := conversation.Open(ctx, conversation.Options{DBURL: "sqlite:///:memory:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer to.Close()
	restored, err := to.Restore(ctx, dir, conversation.ImportNew)
	fmt.Println(restored, err)
	// Output:
	// 1 <nil>
	// 1 <nil>
}
