package ai

import (
	"context"
	"encoding/json"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/sentences"
)

// Request is one question to a model with everything it may know.
type Request struct {
	Model    string // the provider's name of the model, without "provider:"
	System   string // the system prompt; "" = none
	Messages []conversation.Message
	Images   []Image // shown with the last message of a user, whose text names them
	// CacheKey is the same for every request of a conversation; "" = none.
	CacheKey string
	Tools    []Tool        // what the model may use, by name
	NoCalls  bool          // it is told of the tools, and not to use them now
	User     string        // opaque hash of the person, for the provider's abuse detection; "" = not said
	Say      sentences.Say // for a model whose words are ours; nil = in English

	// MaxTokens is what the model is asked to stop at; 0 = nothing is asked.
	MaxTokens int
	// Effort is how much the model is asked to think; "" = nothing is asked.
	Effort string
	// MaxText is how many bytes of the answer are read: there the call is ended
	// and the answer is Cut. 0 = only the model's own bound.
	MaxText int
	// Alive, which may be nil, is called at each sign of the model: something,
	// whatever it is, has come of the answer. It must not block.
	Alive func()
}

// Response is a model's whole answer.
type Response struct {
	Text         string
	First        int64  // see [Prompt]; set by [Assistant.Reply]
	Folded       bool   // likewise
	Full         bool   // the next prompts need a summary soon; likewise
	Model        string // as the provider names what answered, which may be more exact than what was asked for
	Endpoint     string // provider:model, the [Endpoint]'s name; set by [Assistant.Reply]
	FinishReason string // "stop", or "length" when the model's own limit cut the answer
	Cut          bool   // the model had more to say, but reading ended at Request.MaxText, or at the longest time for a reply

	Usage
	Cost     *int64 // in billionths of the provider's currency; nil = no price is known; set by [Assistant.Reply]
	Discount int64  // tokens of the prompt that budgets do not count, because they came from a cache at a lower price
	Reserved string // see Ask.Reserve; set by [Assistant.Reply]

	// Calls are the tools that the model wants to be used before it goes on.
	Calls []conversation.ToolCall
	// Opaque is what the provider wants back with this answer, as long as it is
	// told of it: see [conversation.Message].
	Opaque json.RawMessage
	// Thoughts is how many bytes of thoughts came. They are nowhere but in Opaque.
	Thoughts int
}

// Usage is what one call of a model took, in tokens, as the provider reported it.
type Usage struct {
	PromptTokens     int64 // of all that was sent, from a cache or not
	CompletionTokens int64 // with what the model only thought
	CachedTokens     int64 // of the prompt: read from the provider's cache
	WrittenTokens    int64 // of the prompt: written to the provider's cache
	Estimated        bool  // a count of prompt or completion is ours because the provider reported none
}

// Total returns the tokens of prompt and completion.
func (u Usage) Total() int64 { return u.PromptTokens + u.CompletionTokens }

// Model answers a request. Request.Messages are oldest first and end with what
// to answer.
//
// onDelta, which may be nil, is called in order with pieces of the answer as
// they come, never after Generate has returned. Pieces are a preview: only a
// returned Response is an answer.
//
// Errors carry a kind of package failure and one of the codes of this package;
// when ctx ends, its error is returned as it is. The Response beside an error is
// what has to be paid of it.
//
// A model that takes long calls Request.Alive at each sign of life, and ends
// with what there is of the answer at Request.MaxText.
type Model interface {
	Generate(ctx context.Context, r Request, onDelta func(text string)) (Response, error)
}

// Endpoint is a model that can be called by name.
type Endpoint struct {
	Name      string // provider:model, as in the configuration
	Model     Model
	ModelName string // the provider's name of the model
}

// Codes of the errors that models return, for programs ([failure.CodeOf]).
const (
	CodeRateLimited       = "rate_limited"
	CodeModelUnavailable  = "model_unavailable" // 5xx and other passing faults of the provider
	CodeTimeout           = "model_timeout"
	CodeNetwork           = "model_unreachable"
	CodeStreamCut         = "stream_cut" // the answer ended without a finish reason
	CodeBadAnswer         = "bad_answer" // not the protocol
	CodeEmptyReply        = "empty_reply"
	CodeOnlyThoughts      = "only_reasoning" // the model thought, and answered nothing
	CodeInsufficientQuota = "insufficient_quota"
	CodeInvalidAPIKey     = "invalid_api_key"
	CodeForbidden         = "model_forbidden"
	CodeModelNotFound     = "model_not_found"
	CodeContextTooLong    = "context_length_exceeded"
	CodeContentFilter     = "content_filter"
	CodeAnswerTooLarge    = "answer_too_large"
	CodeBadRequest        = "model_bad_request"
	CodeEmptyRequest      = "empty_request"
	CodeNothingToFold     = "nothing_to_summarise"
	CodeNoSummary         = "no_summary"
)
