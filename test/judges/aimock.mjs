// aimock (https://aimock.copilotkit.dev) answers as OpenAI does. The first line that
// is written has its address.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, strict: true });
const calls = [
  { name: "weather", arguments: '{"city":"Paris"}' },
  { name: "weather", arguments: '{"city":"Rome"}' },
];
const usage = { prompt_tokens: 12, completion_tokens: 4, input_tokens: 12, output_tokens: 4 }; // as each API calls it
mock.on({ userMessage: "limited" }, { error: { message: "too many", type: "rate_limit_error" }, status: 429 });
mock.on({ userMessage: "broken off" }, { content: "This will not be told to its end." }, { chunkSize: 5, truncateAfterChunks: 2 });
mock.on({ userMessage: "thoughtful" }, { content: "Four.", reasoning: "Two and two.", usage });
mock.on({ userMessage: "weather", hasToolResult: false }, { toolCalls: calls });
mock.on({ userMessage: "weather", hasToolResult: true }, { content: "Rain in both." });
mock.on({ userMessage: "hello" }, { content: "Hi there, 你好!", usage }, { chunkSize: 3 });
mock.onTranscription({ transcription: { text: "remind me of the milk" } });
await mock.start();
console.log(JSON.stringify({ text: mock.url }));
