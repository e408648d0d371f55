// Package fakeopenai is a server that speaks OpenAI's chat completions over
// HTTP and can misbehave on request. It is for tests and for trying things out
// without a provider; it does not import testing.
//
//	ai, err := fakeopenai.Start()
//	defer ai.Close()
//	ai.Script(fakeopenai.RateLimited("2"), fakeopenai.Cut(3))
//	… base_url: ai.URL() …
//	calls, err := ai.WaitCalls(ctx, 3) // the third one was answered properly
package fakeopenai
