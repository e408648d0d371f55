// Package openai is the model at any endpoint that speaks OpenAI's chat
// completions (https://platform.openai.com/docs/api-reference/chat). It is the
// only package that knows go-openai, and adds what that library leaves to its
// caller: kinds of errors with the provider's wait, bounded answers, and the
// difference between a finished stream and one that was cut.
package openai
