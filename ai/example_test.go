package ai_test

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/session"
)

// remembered is a model that tells how many messages it was given.
type remembered struct{}

func (remembered) Generate(_ context.Context, r ai.Request, _ func(string)) (ai.Response, error) {
	return ai.Response{Text: fmt.Sprintf("I was given %d messages.", len(r.Messages))}, nil
}

// A model with a memory: each request holds only what is new.
func ExampleWithMemory() {
	model := ai.WithMemory(remembered{}, session.NewMemory("alice"), 1000)
	for _, text := range []string{"Hello", "And now?"} {
		answer, err := model.Generate(context.Background(), ai.Request{Messages: []message.Message{{Role: message.RoleUser, Content: text}}}, nil)
		fmt.Println(answer.Text, err)
	}
	// Output:
	// I was given 1 messages. <nil>
	// I was given 3 messages. <nil>
}
