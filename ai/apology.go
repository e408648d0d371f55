package ai

import (
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
)

// Apology returns the key of the sentence that the chat is told when there is no
// answer in the end: it says what the person can do, never what went wrong inside.
func Apology(err error) string {
	switch failure.CodeOf(err) {
	case CodeContentFilter:
		return "sorry.declined"
	case CodeContextTooLong, CodeAnswerTooLarge:
		return "sorry.long"
	case CodeEmptyReply, CodeEmptyRequest:
		return "sorry.empty"
	case CodeRateLimited, CodeModelUnavailable, CodeTimeout, CodeNetwork, CodeStreamCut, CodeBadAnswer, breaker.Code:
		return "sorry.busy"
	case CodeInsufficientQuota, CodeInvalidAPIKey, CodeForbidden, CodeModelNotFound, CodeBadRequest:
		return "sorry.setup"
	default:
		return "sorry.internal"
	}
}
