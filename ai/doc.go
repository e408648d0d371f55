// Package ai makes the reply: it chooses what of a conversation the model is
// given, calls the model, falls back to others, and accounts for the tokens.
//
//	Assistant  history window, system prompt, time limit, fallbacks, metrics
//	Model      one call; ai/openai speaks to any OpenAI-compatible endpoint,
//	           Echo answers offline
//
// Nothing here waits and tries again later: an error's kind and wait
// (internal/failure) tell the caller, which keeps its retries in the database.
// The package knows neither platforms nor HTTP.
package ai
