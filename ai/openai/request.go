package openai

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
)

// nothing stands for a text that is empty: go-openai leaves out empty content,
// and endpoints then refuse the whole request.
const nothing = "(empty)"

// cacheKey has a provider answer the requests of one conversation where its prompt
// is kept (https://platform.openai.com/docs/guides/prompt-caching).
const cacheKey = "prompt_cache_key"

// noCalls has a model use no tool; its prompt begins with them all the same.
const noCalls = "none"

// body returns the request as JSON, without what this endpoint was found to refuse.
func (c *Client) body(r ai.Request) ([]byte, error) {
	if c.method(r.Model) == pathResponses {
		return c.responsesBody(r)
	}
	messages := c.chatMessages(r)
	show(c.seen(r), messages)
	request := openai.ChatCompletionRequest{
		Model: r.Model, Messages: messages, User: r.User, Stream: c.stream, ReasoningEffort: r.Effort,
	}
	for _, t := range r.Tools {
		request.Tools = append(request.Tools, openai.Tool{
			Type:     openai.ToolTypeFunction,
			Function: &openai.FunctionDefinition{Name: t.Name, Description: t.Description, Parameters: t.Schema},
		})
	}
	if r.NoCalls && len(r.Tools) > 0 {
		request.ToolChoice = noCalls
	}
	if c.stream {
		request.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	}
	if c.ownName(r.Model) {
		request.MaxCompletionTokens = r.MaxTokens
	} else {
		request.MaxTokens = r.MaxTokens //nolint:staticcheck // deprecated by OpenAI, the only name elsewhere
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	if text, err = c.sign(r, text); err != nil {
		return nil, err
	}
	extra := c.extra
	if _, set := extra[cacheKey]; !set && r.CacheKey != "" && c.base.Hostname() == "api.openai.com" {
		extra = maps.Clone(extra)
		if extra == nil {
			extra = map[string]any{}
		}
		extra[cacheKey] = r.CacheKey
	}
	return c.refusals.apply(r.Model, text, extra)
}

// ownName reports whether the output limit has its newer name there: OpenAI's
// reasoning models take no other, most other endpoints know the older one only.
// https://platform.openai.com/docs/api-reference/chat/create#chat-create-max_completion_tokens
func (c *Client) ownName(model string) bool {
	if c.base.Hostname() == "api.openai.com" || c.azure() {
		return true
	}
	return slices.ContainsFunc([]string{"o1", "o3", "o4", "gpt-5", "gpt-6"}, func(family string) bool {
		return strings.HasPrefix(model, family)
	})
}

// chatMessages joins messages of one role that follow each other: many endpoints
// want the roles to alternate, and refuse the conversation for ever after.
func (c *Client) chatMessages(r ai.Request) []openai.ChatCompletionMessage {
	var list []openai.ChatCompletionMessage
	if r.System != "" {
		list = append(list, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleSystem, Content: r.System})
	}
	for _, m := range r.Messages {
		next := chatMessage(m)
		next.ReasoningContent = c.owedTo(r.Model, &m).Thoughts
		if len(list) > 0 && joins(list[len(list)-1], next) {
			if last := &list[len(list)-1]; last.Content == "" {
				last.Content = next.Content
			} else if next.Content != "" {
				last.Content += "\n\n" + next.Content
			}
			continue
		}
		list = append(list, next)
	}
	for i := range list {
		if list[i].Content == "" && len(list[i].ToolCalls) == 0 {
			list[i].Content = nothing
		}
	}
	c.giveBack(r.Model, list)
	return list
}

func joins(last, next openai.ChatCompletionMessage) bool {
	return last.Role == next.Role && last.Role != openai.ChatMessageRoleTool &&
		len(last.ToolCalls) == 0 && len(next.ToolCalls) == 0
}

func chatMessage(m conversation.Message) openai.ChatCompletionMessage {
	msg := openai.ChatCompletionMessage{Role: string(m.Role), Content: m.Content, ToolCallID: m.ToolCallID()}
	for _, c := range m.ToolCalls() {
		msg.ToolCalls = append(msg.ToolCalls, openai.ToolCall{
			ID: c.ID, Type: openai.ToolTypeFunction,
			Function: openai.FunctionCall{Name: c.Function.Name, Arguments: c.Function.Arguments},
		})
	}
	return msg
}
