package ai

// Usage is what one call of a model took, in tokens, as the provider reported it.
type Usage struct {
	PromptTokens     int64 // of all that was sent, from a cache or not
	CompletionTokens int64 // with what the model only thought
	CachedTokens     int64 // of the prompt: read from the provider's cache
	WrittenTokens    int64 // of the prompt: written to the provider's cache
	Estimated        bool  // a count of prompt or completion is ours because the provider reported none
}

// Total returns the tokens of prompt and completion.
func (u Usage) Total() int64 { return u.PromptTokens + u.CompletionTokens }
