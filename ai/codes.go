package ai

// Codes of the errors that models return, for programs ([failure.CodeOf]).
const (
	CodeRateLimited       = "rate_limited"
	CodeModelUnavailable  = "model_unavailable" // 5xx and other passing faults of the provider
	CodeTimeout           = "model_timeout"
	CodeNetwork           = "model_unreachable"
	CodeStreamCut         = "stream_cut" // the answer ended without a finish reason
	CodeBadAnswer         = "bad_answer" // not the protocol
	CodeEmptyReply        = "empty_reply"
	CodeOnlyThoughts      = "only_reasoning" // the model thought, and answered nothing
	CodeInsufficientQuota = "insufficient_quota"
	CodeInvalidAPIKey     = "invalid_api_key"
	CodeForbidden         = "model_forbidden"
	CodeModelNotFound     = "model_not_found"
	CodeContextTooLong    = "context_length_exceeded"
	CodeContentFilter     = "content_filter"
	CodeAnswerTooLarge    = "answer_too_large"
	CodeBadRequest        = "model_bad_request"
	CodeEmptyRequest      = "empty_request"
	CodeNothingToFold     = "nothing_to_summarise"
	CodeNoSummary         = "no_summary"
)
