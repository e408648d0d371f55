package ai

import (
	"context"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/sentences"
)

// Request is one question to a model with everything it may know.
type Request struct {
	Model    string // the provider's name of the model, without "provider:"
	System   string // the system prompt; "" = none
	Messages []conversation.Message
	User     string        // opaque hash of the person, for the provider's abuse detection; "" = not said
	Say      sentences.Say // for a model whose words are ours; nil = in English

	// MaxTokens is what the model is asked to stop at; 0 = nothing is asked.
	MaxTokens int
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
	Model        string // as the provider names what answered, which may be more exact than what was asked for
	Endpoint     string // provider:model, the [Endpoint]'s name; set by [Assistant.Reply]
	FinishReason string // "stop", or "length" when the model's own limit cut the answer
	Cut          bool   // the model had more to say, but reading ended at Request.MaxText, or at the longest time for a reply

	PromptTokens     int64
	CompletionTokens int64
	Estimated        bool // a token count is ours because the provider reported none
}

// Model answers a request. Request.Messages are oldest first and end with what
// to answer.
//
// onDelta, which may be nil, is called in order with pieces of the answer as
// they come, never after Generate has returned. Pieces are a preview: only a
// returned Response is an answer.
//
// Errors carry a kind of package failure and one of the codes of this package;
// when ctx ends, its error is returned as it is.
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
