package ai

import (
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
)

// Apology is what the chat is told when there is no answer in the end: one or
// two sentences that say what the person can do, never what went wrong inside.
func Apology(err error) string {
	switch failure.CodeOf(err) {
	case CodeContentFilter:
		return "Sorry, I can't answer that: the AI service declined the request. Please try to put it differently."
	case CodeContextTooLong, CodeAnswerTooLarge:
		return "Sorry, that is too long for me. Please send a shorter message or start a new conversation."
	case CodeEmptyReply, CodeEmptyRequest:
		return "Sorry, I could not come up with an answer. Please try to put it differently."
	case CodeRateLimited, CodeModelUnavailable, CodeTimeout, CodeNetwork, CodeStreamCut, CodeBadAnswer, breaker.Code:
		return "Sorry, the AI service is overloaded or out of reach right now. Please try again in a few minutes."
	case CodeInsufficientQuota, CodeInvalidAPIKey, CodeForbidden, CodeModelNotFound, CodeBadRequest:
		return "Sorry, I can't answer at the moment because of how I am set up. Please tell whoever runs this bot."
	default:
		return "Sorry, something went wrong on my side. Please try again later."
	}
}
