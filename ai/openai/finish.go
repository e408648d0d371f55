package openai

const finishLength = "length"

// finish returns the one name of a finish reason: stop, length, tool_calls, or
// what the endpoint says.
func finish(reason string) string {
	switch reason {
	case "", "end_turn", "eos", "eos_token", "stop_sequence", "completed", "unknown":
		return "stop"
	case "max_tokens", "model_length", "max_output_tokens", "max_completion_tokens", "token_limit", "model_context_window_exceeded":
		return finishLength
	case "tool_use", "function_call":
		return "tool_calls"
	}
	return reason
}

// finishFault knows the finish reasons of an answer that is none.
func finishFault(reason string) (verdict, bool) {
	switch reason {
	case "content_filter", "content_filtered", "sensitive", "safety", "refusal", "prohibited_content", "recitation", "blocklist", "spii":
		return verdictRefused, true
	case "error", "network_error", "insufficient_system_resource", "abort":
		return verdictFault, true
	}
	return verdict{}, false
}
