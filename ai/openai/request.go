package openai

import (
	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
)

// nothing stands for a text that is empty: go-openai leaves out empty content,
// and endpoints then refuse the whole request.
const nothing = "(empty)"

func chatRequest(r ai.Request) openai.ChatCompletionRequest {
	messages := make([]openai.ChatCompletionMessage, 0, len(r.Messages)+1)
	if r.System != "" {
		messages = append(messages, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleSystem, Content: r.System})
	}
	for _, m := range r.Messages {
		messages = append(messages, chatMessage(m))
	}
	return openai.ChatCompletionRequest{Model: r.Model, Messages: messages, User: r.User}
}

func chatMessage(m conversation.Message) openai.ChatCompletionMessage {
	msg := openai.ChatCompletionMessage{Role: string(m.Role), Content: m.Content, ToolCallID: ai.ToolCallID(m)}
	for _, c := range ai.ToolCalls(m) {
		msg.ToolCalls = append(msg.ToolCalls, openai.ToolCall{
			ID: c.ID, Type: openai.ToolTypeFunction,
			Function: openai.FunctionCall{Name: c.Function.Name, Arguments: c.Function.Arguments},
		})
	}
	if msg.Content == "" && len(msg.ToolCalls) == 0 {
		msg.Content = nothing
	}
	return msg
}
