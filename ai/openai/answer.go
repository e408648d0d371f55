package openai

import (
	"errors"
	"fmt"
	"io"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/shorten"
)

var (
	errNoChoice = errors.New("the answer has no choice")
	errCut      = errors.New("the answer was cut off")
	errNotSSE   = errors.New("the answer is no event stream")
	errTooLarge = errors.New("the answer is larger than any model's")
	errInStream = errors.New("the endpoint reported a fault within its answer")
)

// finishFailed is what OpenRouter and others send when the model behind them failed.
const finishFailed openai.FinishReason = "error"

// answer is put together from the chunks of a stream, up to limit bytes.
type answer struct {
	onDelta func(string)
	limit   int
	text    strings.Builder
	resp    ai.Response
	chunks  int
}

// add takes one chunk. The one with the usage has no choices, and providers
// send others like it.
func (a *answer) add(chunk openai.ChatCompletionStreamResponse) error {
	a.chunks++
	if chunk.Model != "" {
		a.resp.Model = chunk.Model
	}
	if chunk.Usage != nil {
		a.resp.PromptTokens = int64(chunk.Usage.PromptTokens)
		a.resp.CompletionTokens = int64(chunk.Usage.CompletionTokens)
	}
	for _, choice := range chunk.Choices {
		if choice.Index != 0 {
			continue
		}
		if choice.FinishReason == finishFailed {
			return errInStream
		}
		a.write(choice.Delta.Content + choice.Delta.Refusal)
		if choice.FinishReason != "" && choice.FinishReason != openai.FinishReasonNull {
			a.resp.FinishReason = string(choice.FinishReason)
		}
	}
	return nil
}

// write takes what fits of a piece. From the first that does not fit on the
// answer is cut.
func (a *answer) write(piece string) {
	if a.resp.Cut {
		return
	}
	fits := shorten.Bytes(piece, a.limit-a.text.Len())
	a.resp.Cut = fits != piece
	if fits == "" {
		return
	}
	a.text.WriteString(fits)
	a.onDelta(fits)
}

// response is what the answer is so far.
func (a *answer) response() ai.Response {
	a.resp.Text = a.text.String()
	if a.resp.Cut {
		a.resp.FinishReason = string(openai.FinishReasonLength)
	}
	return a.resp
}

// finished reports whether the model has said all it wanted to.
func (a *answer) finished() bool { return a.resp.FinishReason != "" }

// end says what the stream was, now that reading it gave err. go-openai
// reports io.EOF for the protocol's end and for a cut connection alike; only
// the finish reason tells them apart. After it nothing can spoil the answer.
func (a *answer) end(err error) (ai.Response, error) {
	switch {
	case a.finished():
		return a.response(), nil
	case errors.Is(err, errTooLarge) && a.text.Len() > 0:
		a.resp.Cut = true
		return a.response(), nil
	case errors.Is(err, io.EOF) && !errors.Is(err, errCut) && a.chunks == 0:
		return ai.Response{}, errNotSSE
	case errors.Is(err, io.EOF):
		return ai.Response{}, fmt.Errorf("%w: no finish reason", errCut)
	default:
		return ai.Response{}, err
	}
}
