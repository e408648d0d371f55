package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/config"
)

// Prompt is what the model is given of a conversation, ending with its last message.
type Prompt struct {
	Model    string          `json:"model"` // provider:name
	Messages []PromptMessage `json:"messages"`
	Tokens   int64           `json:"tokens"` // as we count
}

// PromptMessage is a message in OpenAI's shape.
type PromptMessage struct {
	Role       conversation.Role       `json:"role"`
	Content    string                  `json:"content"`
	ToolCalls  []conversation.ToolCall `json:"tool_calls,omitempty"`
	ToolCallID string                  `json:"tool_call_id,omitempty"`
}

// PromptOf returns the prompt of a stored conversation. A server may be using
// the database.
func PromptOf(ctx context.Context, cfg *config.Config, log *slog.Logger, id int64) (p Prompt, err error) {
	c, err := newCore(ctx, cfg, log, purpose{})
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	conv, err := c.store.Get(ctx, id)
	if err != nil {
		return p, err
	}
	ask, err := c.runner.Asked(ctx, conv)
	if err != nil {
		return p, err
	}
	a := c.assistant
	if a == nil { // the AI is switched off: what it would be given
		a = ai.NewAssistant(ai.Options{SystemPrompt: cfg.AI.SystemPrompt, ContextTokens: cfg.AI.ContextTokens})
	}
	built := a.Prompt(ask)
	p = Prompt{Model: a.Chosen(ctx, ask.Model), Tokens: a.Tokens(built)}
	if built.System != "" {
		p.Messages = append(p.Messages, PromptMessage{Role: conversation.RoleSystem, Content: built.System})
	}
	for i := range built.Messages {
		m := &built.Messages[i]
		p.Messages = append(p.Messages, PromptMessage{Role: m.Role, Content: m.Content, ToolCalls: m.ToolCalls(), ToolCallID: m.ToolCallID()})
	}
	return p, nil
}
