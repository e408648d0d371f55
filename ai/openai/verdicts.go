package openai

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/failure"
)

// verdict is the kind, code and public sentence of a fault. Its code decides
// what the chat is told ([ai.Apology]), its kind whether there is another attempt.
type verdict struct {
	kind failure.Kind
	code string
	safe string
}

// What becomes of a fault.
//
//nolint:gochecknoglobals // Go has no constant structs; nothing changes them
var (
	verdictLimited  = verdict{failure.Retry, ai.CodeRateLimited, "the model endpoint limits the rate of requests"}
	verdictSlow     = verdict{failure.Retry, ai.CodeTimeout, "the model took too long"}
	verdictFault    = verdict{failure.Retry, ai.CodeModelUnavailable, "the model endpoint failed"}
	verdictCut      = verdict{failure.Retry, ai.CodeStreamCut, "the model's answer was cut off"}
	verdictNetwork  = verdict{failure.Retry, ai.CodeNetwork, "the model endpoint cannot be reached"}
	verdictProtocol = verdict{failure.Retry, ai.CodeBadAnswer, "the model endpoint's answer does not follow the protocol"}
	verdictKey      = verdict{failure.Permanent, ai.CodeInvalidAPIKey, "the model endpoint rejected the API key"}
	verdictForbids  = verdict{failure.Permanent, ai.CodeForbidden, "the API key may not use this model"}
	verdictMoney    = verdict{failure.Permanent, ai.CodeInsufficientQuota, "the quota at the model endpoint is used up"}
	verdictUnknown  = verdict{failure.Permanent, ai.CodeModelNotFound, "the model endpoint does not know this model"}
	verdictLong     = verdict{failure.Permanent, ai.CodeContextTooLong, "the conversation is too long for the model"}
	verdictRefused  = verdict{failure.Permanent, ai.CodeContentFilter, "the AI service declined to answer this"}
	verdictBad      = verdict{failure.Permanent, ai.CodeBadRequest, "the model endpoint refused the request"}
	verdictMoved    = verdict{failure.Permanent, ai.CodeBadRequest, "the model endpoint redirects to another address"}
	verdictHuge     = verdict{failure.Permanent, ai.CodeAnswerTooLarge, "the model's answer is too large"}
	verdictThoughts = verdict{failure.Permanent, ai.CodeOnlyThoughts, "the model thought about it but gave no answer"}
)

// judge decides about a fault that the endpoint has reported: by its codes, then
// by what its text says, then by its status.
func (f *fault) judge() verdict {
	if f.verdict.code != "" {
		return f.verdict
	}
	if f.status == http.StatusRequestEntityTooLarge { // Groq: with the code of a limit, which no wait would help
		return verdictLong
	}
	text := strings.ToLower(f.text[:min(len(f.text), maxLooked)])
	for _, rows := range [][]row{codes(), phrases(), commonCodes()} {
		for _, row := range rows {
			if row.says(f.codes, text) {
				return row.verdict
			}
		}
	}
	return judgeStatus(f.status)
}

// judgeStatus: https://platform.openai.com/docs/guides/error-codes. 0 is a fault
// in an answer that had begun well.
func judgeStatus(status int) verdict {
	switch {
	case status == http.StatusTooManyRequests:
		return verdictLimited
	case status == http.StatusRequestTimeout:
		return verdictSlow
	case status == 0, status == http.StatusConflict, status == http.StatusTooEarly, status >= http.StatusInternalServerError:
		return verdictFault
	case status == http.StatusUnauthorized:
		return verdictKey
	case status == http.StatusPaymentRequired:
		return verdictMoney
	case status == http.StatusForbidden:
		return verdictForbids
	case status == http.StatusNotFound, status == http.StatusGone:
		return verdictUnknown
	case status >= 300 && status < 400:
		return verdictMoved
	default:
		return verdictBad
	}
}

// row is what one verdict is known by, in small letters.
type row struct {
	verdict verdict
	codes   []string // whole; with * at the end, how one begins
	phrases []string // parts of a message
}

func (r *row) says(codes []string, text string) bool {
	for _, code := range codes {
		if slices.ContainsFunc(r.codes, func(known string) bool {
			start, open := strings.CutSuffix(known, "*")
			return strings.EqualFold(code, known) || open && strings.HasPrefix(strings.ToLower(code), start)
		}) {
			return true
		}
	}
	return slices.ContainsFunc(r.phrases, func(phrase string) bool { return strings.Contains(text, phrase) })
}

// codes are the codes, types and statuses that say more than the status of HTTP.
// Numbers are Zhipu's (https://docs.bigmodel.cn/cn/api/api-code) and, with
// base_resp, MiniMax's (https://platform.minimax.io/docs/api-reference/errorcode).
func codes() []row {
	return []row{
		{verdict: verdictLimited, codes: []string{"resource_exhausted"}}, // Gemini, which speaks of billing beside it
		{verdict: verdictMoney, codes: []string{
			"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "exceeded_current_quota_error", "arrearage",
			"insufficient_user_quota", "pre_consume_token_quota_failed", "accountoverdueerror", "allocationquota.freetieronly",
			"billing_error", "1113", "base_resp.1008",
		}},
		{verdict: verdictKey, codes: []string{"invalid_api_key", "authentication_error", "api_key_invalid", "unauthenticated", "invalidapikey", "base_resp.1004", "base_resp.2049"}},
		{verdict: verdictUnknown, codes: []string{"model_not_found", "model_decommissioned", "model_not_exist", "not_found_error", "invalidendpointormodel.*", "1211"}},
		{verdict: verdictLong, codes: []string{
			"context_length_exceeded", "string_above_max_length", "exceed_context_size_error", "context_window_exceeded",
			"request_too_large", "outofcontexterror", "prompt_too_long", "1261",
		}},
		{verdict: verdictRefused, codes: []string{
			"content_filter", "content_policy_violation", "responsibleaipolicyviolation", "data_inspection_failed", "datainspectionfailed",
			"sensitivecontentdetected*", "inputtextsensitive*", "outputtextsensitive*", "inputtextrisk*", "1301", "base_resp.1026", "base_resp.1027",
		}},
	}
}

// commonCodes stand beside messages that say more.
func commonCodes() []row {
	return []row{
		{verdict: verdictLimited, codes: []string{
			"rate_limit_exceeded", "rate_limit_error", "rate_limit_reached_error", "limit_requests", "limit_burst_rate",
			"quotaexceeded*", "ratelimitexceeded*", "1302", "1303", "1305", "base_resp.1002", "base_resp.1039",
		}},
		{verdict: verdictSlow, codes: []string{"base_resp.1001", "timeout_error", "deadline_exceeded"}},
		{verdict: verdictFault, codes: []string{
			"server_error", "internal_server_error", "overloaded_error", "engine_overloaded_error", "api_error", "unavailable", "internal",
			"serveroverloaded", "internalserviceerror", "base_resp.1000", "base_resp.1013", "base_resp.1024", "base_resp.1033",
		}},
	}
}

// phrases are parts of messages, in small letters, of endpoints whose codes say
// nothing. The first that is found decides.
func phrases() []row {
	return []row{
		{verdict: verdictLong, phrases: []string{
			"request too large for", "context length", "context window", "context size", "context limit", "context the overflows",
			"maximum model length", "prompt is too long", "prompt too long", "input is too long", "exceeded model token limit",
			"input token count", "range of input length", "max message tokens", "maximum prompt length", "reduce the length of the messages",
			"max_new_tokens` must be", "超长", "超过最大", "最大上下文",
		}},
		{verdict: verdictMoney, phrases: []string{
			"insufficient balance", "insufficient credits", "requires more credits", "credit balance", "insufficient funds", "plan and billing",
			"overdue balance", "in good standing", "spending limit", "available credits", "free tier of the model has been exhausted",
			"余额不足", "额度不足", "额度已用", "欠费",
		}},
		{verdict: verdictRefused, phrases: []string{
			"content management policy", "content policy", "safety system", "content exists risk", "considered high risk", "inappropriate content",
			"sensitive content", "sensitive information", "requires moderation", "was flagged", "usage policies", "usage policy",
			"敏感", "不安全",
		}},
		{verdict: verdictUnknown, phrases: []string{"model does not exist", "model not found", "no such model", "not a valid model", "try pulling it first"}},
		{verdict: verdictKey, phrases: []string{"api key not valid", "incorrect api key", "invalid api key", "invalid authentication"}},
		{verdict: verdictLimited, phrases: []string{"rate limit", "too many requests", "速率限制", "访问量过大"}},
		{verdict: verdictFault, phrases: []string{"overloaded", "loading model", "currently loading", "provider returned error"}},
	}
}
