package conversation_test

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/conversation"
)

// A program that only wants memory for its agent.
func ExampleOpenSession() {
	ctx := context.Background()
	session, err := conversation.OpenSession(ctx, "user_123", ":memory:") // or the path of a file
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	_ = session.Add(ctx, conversation.Item{Kind: conversation.ItemMessage, Role: conversation.RoleUser, Content: "Hello"})
	items, _ := session.Items(ctx, 20)
	for _, m := range conversation.MessagesOf(items) {
		fmt.Println(m.Role, m.Content)
	}
	// Output: user Hello
}
