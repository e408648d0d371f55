package ai

import (
	"time"

	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/sentences"
)

// MaxPause is the longest that a person is left without a word because an
// endpoint asks to be left alone.
const MaxPause = time.Minute

// Apology returns the sentence that the chat is told when there is no answer in
// the end: it says what the person can do, never what went wrong inside.
func Apology(err error, say sentences.Say) string {
	if wait := failure.WaitOf(err); failure.KindOf(err) == failure.Retry && wait > MaxPause {
		if minutes := int(wait.Round(time.Minute).Minutes()); minutes < 120 {
			return say("sorry.later", max(minutes, 2))
		}
		return say("sorry.later.hours", int((wait + time.Hour/2).Hours()))
	}
	return say(apology(failure.CodeOf(err)))
}

func apology(code string) string {
	switch code {
	case CodeContentFilter:
		return "sorry.declined"
	case CodeContextTooLong, CodeAnswerTooLarge:
		return "sorry.long"
	case CodeEmptyReply, CodeEmptyRequest:
		return "sorry.empty"
	case CodeOnlyThoughts:
		return "sorry.thoughts"
	case CodeRateLimited, CodeModelUnavailable, CodeTimeout, CodeNetwork, CodeStreamCut, CodeBadAnswer, breaker.Code:
		return "sorry.busy"
	case CodeInsufficientQuota, CodeInvalidAPIKey, CodeForbidden, CodeModelNotFound, CodeBadRequest:
		return "sorry.setup"
	default:
		return "sorry.internal"
	}
}
