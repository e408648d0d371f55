package session_test

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/session"
)

// A program that only wants memory for its agent.
func ExampleOpen() {
	ctx := context.Background()
	s, err := session.Open(ctx, "user_123", ":memory:") // or the path of a file
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	_ = s.Add(ctx, session.Item{Kind: session.ItemMessage, Role: message.RoleUser, Content: "Hello"})
	items, _ := s.Items(ctx, 20)
	for _, m := range session.MessagesOf(items) {
		fmt.Println(m.Role, m.Content)
	}
	// Output: user Hello
}
