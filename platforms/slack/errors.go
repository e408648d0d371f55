package slack

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// classify gives a failed call the kind that decides what happens next.
func (x *exchange) classify(err error) error {
	if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); ok {
		return failure.Limited(x.scope, limited.RetryAfter, "ratelimited", "Slack limits the rate of requests", err)
	}
	if refused, ok := errors.AsType[slackgo.SlackErrorResponse](err); ok {
		return x.refused(refused.Err, err)
	}
	if status, ok := errors.AsType[slackgo.StatusCodeError](err); ok {
		return x.status(status.Code, err)
	}
	if x.sending.Never(err) {
		return failure.New(failure.Retry, "unreachable", "Slack cannot be reached", err)
	}
	return unreadable(err)
}

// unreadable is a call of which nobody knows what became.
func unreadable(cause error) error {
	return failure.New(failure.Ambiguous, "no_answer", "unknown whether Slack accepted the call", cause)
}

// refused is an answer with "ok": false.
func (x *exchange) refused(code string, cause error) error {
	safe := "Slack refused the call: " + platforms.ShortName(code)
	if answer, ok := errors.AsType[slackgo.SlackErrorResponse](cause); ok && answer.Needed != "" {
		safe += fmt.Sprintf(" (needed: %s; the token has: %s)", platforms.ShortName(answer.Needed), cmp.Or(platforms.ShortName(answer.Provided), "none"))
	}
	e := failure.New(kindOf(code), code, safe, cause)
	if e.Kind == failure.Retry {
		e.Wait, e.Scope = x.retryAfter, x.scope
	}
	return e
}

// status is an answer that is not 200. Slack itself only answers 429 and 5xx,
// a proxy on the way also others.
func (x *exchange) status(code int, cause error) error {
	name := "http_" + strconv.Itoa(code)
	switch {
	case code == http.StatusTooManyRequests:
		return failure.Limited(x.scope, x.retryAfter, "ratelimited", "Slack limits the rate of requests", cause)
	case code >= http.StatusInternalServerError, code == http.StatusRequestTimeout:
		return failure.New(failure.Ambiguous, name, "Slack answered with an error", cause)
	default:
		return failure.New(failure.Permanent, name, "Slack refused the call", cause)
	}
}

// kindOf says what an error code of Slack means for a message. A refusal says
// that nothing was done, whatever its code, except for those where Slack itself
// does not know how far it came.
// Source: https://docs.slack.dev/reference/methods/chat.postMessage#errors
func kindOf(code string) failure.Kind {
	switch code {
	case "ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "org_login_required":
		return failure.Retry
	case "", "internal_error", "fatal_error", "service_unavailable", "request_timeout":
		return failure.Ambiguous
	}
	return failure.Permanent
}
