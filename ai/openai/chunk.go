package openai

import (
	"encoding/json"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/lenient"
)

// chunk is one value of an answer: a piece of a stream, or all of it.
type chunk struct {
	Model   text         `json:"model"`
	Choices list[choice] `json:"choices"`
	Usage   usage        `json:"usage"`
	XGroq   struct {
		Usage usage `json:"usage"`
	} `json:"x_groq"` // https://console.groq.com/docs/api-reference
}

type choice struct {
	Index        number  `json:"index"`
	Delta        message `json:"delta"`
	Message      message `json:"message"`
	Text         text    `json:"text"` // of older servers
	FinishReason text    `json:"finish_reason"`
	Usage        usage   `json:"usage"` // https://platform.moonshot.ai/docs
}

type message struct {
	there bool

	Content   text           `json:"content"`
	Refusal   text           `json:"refusal"`
	ToolCalls list[toolCall] `json:"tool_calls"`
	// What a model thinks, by the names that providers have for it.
	ReasoningContent text `json:"reasoning_content"`
	Reasoning        text `json:"reasoning"`
	Thinking         text `json:"thinking"`
	// The same in blocks, some of which only the provider can read.
	Details list[json.RawMessage] `json:"reasoning_details"`
}

// UnmarshalJSON implements [json.Unmarshaler].
func (m *message) UnmarshalJSON(data []byte) error {
	type plain message
	var p plain
	err := lenient.Decode(data, &p)
	*m = message(p)
	m.there = data[0] == '{'
	return err
}

func (m *message) thoughts() text { return m.ReasoningContent + m.Reasoning + m.Thinking }

// said is what the piece adds to the answer.
func (c *choice) said() string {
	return string(c.Delta.Content + c.Delta.Refusal + c.Message.Content + c.Message.Refusal + c.Text)
}

func (c *choice) thought() string { return string(c.Delta.thoughts() + c.Message.thoughts()) }

func (c *choice) details() []json.RawMessage { return append(c.Delta.Details, c.Message.Details...) }

// usage has every name that providers give to what they count.
type usage struct {
	Prompt     number `json:"prompt_tokens"`
	Input      number `json:"input_tokens"`
	Completion number `json:"completion_tokens"`
	Output     number `json:"output_tokens"`

	PromptDetails cached `json:"prompt_tokens_details"`
	InputDetails  cached `json:"input_tokens_details"`
	Cached        number `json:"cached_tokens"`               // Moonshot
	CacheHit      number `json:"prompt_cache_hit_tokens"`     // DeepSeek
	CacheRead     number `json:"cache_read_input_tokens"`     // Anthropic
	CacheWritten  number `json:"cache_write_tokens"`          // OpenAI, since GPT-5.6
	CacheCreated  number `json:"cache_creation_input_tokens"` // Anthropic
}

type cached struct {
	Cached  number `json:"cached_tokens"`
	Written number `json:"cache_write_tokens"`
	Created number `json:"cache_creation_tokens"`
}

func (u *usage) tokens() ai.Usage {
	t := ai.Usage{
		PromptTokens:     int64(max(u.Prompt, u.Input)),
		CompletionTokens: int64(max(u.Completion, u.Output)),
		CachedTokens:     int64(max(u.PromptDetails.Cached, u.InputDetails.Cached, u.Cached, u.CacheHit, u.CacheRead)),
		WrittenTokens: int64(max(u.PromptDetails.Written, u.InputDetails.Written, u.PromptDetails.Created, u.InputDetails.Created,
			u.CacheWritten, u.CacheCreated)),
	}
	t.CachedTokens = min(t.CachedTokens, t.PromptTokens)
	t.WrittenTokens = min(t.WrittenTokens, t.PromptTokens-t.CachedTokens)
	return t
}
