package slack

import (
	"errors"
	"net/http"
	"strconv"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
)

// classify gives a failed call the kind that decides what happens next.
func (x *exchange) classify(err error) error {
	if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); ok {
		return failure.RetryAfter(limited.RetryAfter, "ratelimited", "Slack asks to wait", err)
	}
	if refused, ok := errors.AsType[slackgo.SlackErrorResponse](err); ok {
		return x.refused(refused.Err, err)
	}
	if status, ok := errors.AsType[slackgo.StatusCodeError](err); ok {
		return x.status(status.Code, err)
	}
	if x.unsent(err) {
		return failure.New(failure.Retry, "unreachable", "Slack cannot be reached", err)
	}
	return unreadable(err)
}

// unreadable is a call of which nobody knows what became.
func unreadable(cause error) error {
	return failure.New(failure.Ambiguous, "no_answer", "it is not known whether Slack took the call", cause)
}

// refused is an answer with "ok": false.
func (x *exchange) refused(code string, cause error) error {
	e := failure.New(kindOf(code), code, "Slack refused the call: "+short(code), cause)
	if e.Kind == failure.Retry {
		e.Wait = x.retryAfter
	}
	return e
}

// status is an answer that is not 200. Slack itself only answers 429 and 5xx,
// a proxy on the way also others.
func (x *exchange) status(code int, cause error) error {
	name := "http_" + strconv.Itoa(code)
	switch {
	case code == http.StatusTooManyRequests:
		return failure.RetryAfter(x.retryAfter, "ratelimited", "Slack asks to wait", cause)
	case code >= http.StatusInternalServerError, code == http.StatusRequestTimeout:
		return failure.New(failure.Ambiguous, name, "Slack answered with an error", cause)
	default:
		return failure.New(failure.Permanent, name, "Slack does not take the call", cause)
	}
}

// kindOf says what an error code of Slack means for a message. Slack says of
// internal_error and fatal_error that part of the work may be done; a code
// that is not known here is treated the same, since a look at the channel
// settles it.
// Source: https://docs.slack.dev/reference/methods/chat.postMessage#errors
func kindOf(code string) failure.Kind {
	switch code {
	case "ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "org_login_required":
		return failure.Retry
	case "channel_not_found", "not_in_channel", "is_archived", "is_inactive", "user_not_found", "user_not_in_channel",
		"user_is_bot", "cannot_dm_bot", "messages_tab_disabled", "thread_not_found", "message_not_found",
		"cannot_reply_to_message", "external_channel_migrating", "team_not_found", "duplicate_channel_not_found":
		return failure.Permanent
	case "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "missing_scope",
		"no_permission", "not_allowed_token_type", "access_denied", "accesslimited", "ekm_access_denied",
		"enterprise_is_restricted", "two_factor_setup_required", "team_access_not_granted", "app_missing_action_scope":
		return failure.Permanent
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"restricted_action_non_threadable_channel", "restricted_action_thread_locked", "as_user_not_supported",
		"slack_connect_canvas_sharing_blocked", "slack_connect_file_link_sharing_blocked", "slack_connect_blocked":
		return failure.Permanent
	case "msg_too_long", "msg_blocks_too_long", "no_text", "too_many_attachments", "invalid_blocks", "invalid_blocks_format",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_charset", "invalid_form_data",
		"invalid_post_type", "missing_post_type", "invalid_json", "json_not_object":
		return failure.Permanent
	case "method_deprecated", "deprecated_endpoint", "unknown_method":
		return failure.Permanent
	default: // internal_error, fatal_error, service_unavailable, request_timeout, …
		return failure.Ambiguous
	}
}
