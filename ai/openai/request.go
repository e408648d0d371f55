package openai

import (
	"slices"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
)

// nothing stands for a text that is empty: go-openai leaves out empty content,
// and endpoints then refuse the whole request.
const nothing = "(empty)"

func (c *Client) chatRequest(r ai.Request) openai.ChatCompletionRequest {
	messages := make([]openai.ChatCompletionMessage, 0, len(r.Messages)+1)
	if r.System != "" {
		messages = append(messages, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleSystem, Content: r.System})
	}
	for _, m := range r.Messages {
		messages = append(messages, chatMessage(m))
	}
	request := openai.ChatCompletionRequest{Model: r.Model, Messages: messages, User: r.User}
	if c.ownName(r.Model) {
		request.MaxCompletionTokens = r.MaxTokens
	} else {
		request.MaxTokens = r.MaxTokens //nolint:staticcheck // deprecated by OpenAI, the only name elsewhere
	}
	return request
}

// ownName reports whether the output limit has its newer name there: OpenAI's
// reasoning models take no other, most other endpoints know the older one only.
// https://platform.openai.com/docs/api-reference/chat/create#chat-create-max_completion_tokens
func (c *Client) ownName(model string) bool {
	if c.host == "api.openai.com" || strings.HasSuffix(c.host, ".openai.azure.com") {
		return true
	}
	return slices.ContainsFunc([]string{"o1", "o3", "o4", "gpt-5", "gpt-6"}, func(family string) bool {
		return strings.HasPrefix(model, family)
	})
}

func chatMessage(m conversation.Message) openai.ChatCompletionMessage {
	msg := openai.ChatCompletionMessage{Role: string(m.Role), Content: m.Content, ToolCallID: m.ToolCallID()}
	for _, c := range m.ToolCalls() {
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
