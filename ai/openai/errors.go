package openai

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/failure"
)

// maxCause bounds what of a provider's message goes into the log: some repeat
// the whole prompt in it.
const maxCause = 200

// verdict is the kind, code and public sentence of a fault.
type verdict struct {
	kind failure.Kind
	code string
	safe string
}

func retry(code, safe string) verdict     { return verdict{failure.Retry, code, safe} }
func permanent(code, safe string) verdict { return verdict{failure.Permanent, code, safe} }

// classify turns what go-openai returned into an error with a kind.
func (c *Client) classify(err error, seen *exchange) error {
	var v verdict
	var api *openai.APIError
	var request *openai.RequestError
	cause := err
	switch {
	case errors.As(err, &api):
		status, code := statusAndCode(api)
		v = judge(status, code, api.Type)
		cause = fmt.Errorf("status %d, code %q, type %q: %s", status, code, api.Type, short(c.redact(api.Message)))
	case errors.As(err, &request):
		v = judge(request.HTTPStatusCode, "", "")
		cause = fmt.Errorf("status %d with a body of %d bytes that is no API error", request.HTTPStatusCode, len(request.Body))
	case seen.status >= http.StatusBadRequest: // a refusal whose body could not be read
		v = judge(seen.status, "", "")
	default:
		v = judgeLocal(err)
	}
	if text := cause.Error(); c.redact(text) != text {
		cause = errors.New(c.redact(text))
	}
	return &failure.Error{Kind: v.kind, Code: v.code, Safe: v.safe, Wait: c.wait(v.kind, seen.header), Err: cause}
}

// judge decides about an error that the endpoint reported. status is 0 for one
// in the middle of a stream. Codes and statuses:
// https://platform.openai.com/docs/guides/error-codes
func judge(status int, code, kind string) verdict {
	if v, ok := judgeCode(code); ok {
		return v
	}
	if v, ok := judgeCode(kind); ok {
		return v
	}
	switch {
	case status == http.StatusTooManyRequests:
		return retry(ai.CodeRateLimited, "the model endpoint asks for a pause")
	case status == http.StatusRequestTimeout:
		return retry(ai.CodeTimeout, "the model took too long")
	case status == 0, status == http.StatusConflict, status == http.StatusTooEarly, status >= http.StatusInternalServerError:
		return retry(ai.CodeModelUnavailable, "the model endpoint has a fault")
	case status == http.StatusUnauthorized:
		return permanent(ai.CodeInvalidAPIKey, "the model endpoint does not take the API key")
	case status == http.StatusPaymentRequired:
		return permanent(ai.CodeInsufficientQuota, "the quota at the model endpoint is used up")
	case status == http.StatusForbidden:
		return permanent(ai.CodeForbidden, "the API key may not use this model")
	case status == http.StatusNotFound:
		return permanent(ai.CodeModelNotFound, "the model endpoint does not know this model")
	case status == http.StatusRequestEntityTooLarge:
		return permanent(ai.CodeContextTooLong, "the conversation is too long for the model")
	default:
		return permanent(ai.CodeBadRequest, "the model endpoint refused the request")
	}
}

// judgeCode knows the codes and types that say more than the status.
func judgeCode(code string) (verdict, bool) {
	switch code {
	case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active":
		return permanent(ai.CodeInsufficientQuota, "the quota at the model endpoint is used up"), true
	case "invalid_api_key":
		return permanent(ai.CodeInvalidAPIKey, "the model endpoint does not take the API key"), true
	case "model_not_found":
		return permanent(ai.CodeModelNotFound, "the model endpoint does not know this model"), true
	case "context_length_exceeded", "string_above_max_length", "exceed_context_size_error": // the last: llama.cpp
		return permanent(ai.CodeContextTooLong, "the conversation is too long for the model"), true
	case "content_filter", "content_policy_violation":
		return permanent(ai.CodeContentFilter, refused), true
	case "rate_limit_exceeded":
		return retry(ai.CodeRateLimited, "the model endpoint asks for a pause"), true
	case "server_error", "internal_server_error", "overloaded_error":
		return retry(ai.CodeModelUnavailable, "the model endpoint has a fault"), true
	default:
		return verdict{}, false
	}
}

const refused = "the AI service declined to answer this"

// judgeLocal decides about what this side saw: no answer, or one that is not
// the protocol.
func judgeLocal(err error) verdict {
	var network net.Error
	var address *url.Error
	switch {
	case errors.Is(err, errTooLarge):
		return permanent(ai.CodeAnswerTooLarge, "the model's answer is too large")
	case errors.Is(err, errInStream):
		return retry(ai.CodeModelUnavailable, "the model endpoint has a fault")
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return retry(ai.CodeTimeout, "the model took too long")
	case errors.Is(err, errCut):
		return retry(ai.CodeStreamCut, "the model's answer was cut off")
	case errors.As(err, &network), errors.As(err, &address):
		return retry(ai.CodeNetwork, "the model endpoint cannot be reached")
	case errors.Is(err, openai.ErrChatCompletionInvalidModel):
		return permanent(ai.CodeModelNotFound, "this model cannot chat")
	default: // no JSON, the wrong JSON, no event stream, no choice
		return retry(ai.CodeBadAnswer, "the model endpoint answered something else than the protocol")
	}
}

// statusAndCode returns what the error says of itself. An error in the middle
// of a stream has no status; some endpoints send it as the code.
func statusAndCode(e *openai.APIError) (status int, code string) {
	switch v := e.Code.(type) {
	case string:
		code = v
	case int:
		status = v
	}
	if e.HTTPStatusCode != 0 {
		status = e.HTTPStatusCode
	}
	return status, code
}

// redact removes the API key, which an endpoint may repeat in its message.
func (c *Client) redact(text string) string {
	if c.key == "" {
		return text
	}
	return strings.ReplaceAll(text, c.key, "[api key]")
}

func short(s string) string {
	if runes := []rune(s); len(runes) > maxCause {
		return string(runes[:maxCause]) + "…"
	}
	return s
}
