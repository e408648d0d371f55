// Package openai is the model at any endpoint that speaks OpenAI's chat
// completions (https://platform.openai.com/docs/api-reference/chat), or what its
// makers take for them. It is the only package that knows go-openai, of which it
// uses the shapes of requests.
//
// What endpoints answer is read by one lenient reader: [Client.Generate] posts a
// request, values cuts what comes into JSON values whatever frames them, an
// answer is put together from the values, and a fault is judged by one table.
// testdata/dialects holds an answer of each provider and fault; docs/models.md
// lists what becomes of them.
package openai
