package ai

import (
	"context"
	"slices"
	"strings"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/sentences"
)

// EchoModel is the name of the offline model.
const EchoModel = "echo"

// Echo answers offline with what it was told, and with how to configure a real
// model. Its tokens are those of the text it repeats and of its answer.
type Echo struct {
	counter TokenCounter
}

// NewEcho returns the offline model.
func NewEcho(c TokenCounter) *Echo { return &Echo{counter: c} }

// Generate implements [Model]; it streams word by word.
func (e *Echo) Generate(ctx context.Context, r Request, onDelta func(string)) (Response, error) {
	said := lastUserText(r.Messages)
	say := r.Say
	if say == nil {
		say = sentences.Voice{}.Say
	}
	text := say("echo.said", said) + "\n\n" + say("echo.hint")
	if onDelta == nil {
		onDelta = func(string) {}
	}
	for word := range strings.SplitAfterSeq(text, " ") {
		if err := ctx.Err(); err != nil {
			return Response{}, err
		}
		onDelta(word)
	}
	return Response{
		Text: text, Model: EchoModel, FinishReason: "stop",
		Usage: Usage{PromptTokens: e.counter.Count(said), CompletionTokens: e.counter.Count(text)},
	}, nil
}

func lastUserText(msgs []conversation.Message) string {
	for _, m := range slices.Backward(msgs) {
		if m.Role == conversation.RoleUser {
			return m.Content
		}
	}
	return ""
}
