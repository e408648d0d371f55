// A widely used chat SDK, answering every direct message: the other peer of
// BenchmarkPeers. It brings no server, so node:http is put in front.
import { createServer } from "node:http";
import { Chat } from "chat";
import { createSlackAdapter } from "@chat-adapter/slack";
import { createMemoryState } from "@chat-adapter/state-memory";

const bot = new Chat({
  userName: "bot",
  adapters: {
    slack: createSlackAdapter({
      botToken: process.env.SLACK_BOT_TOKEN,
      signingSecret: process.env.SLACK_SIGNING_SECRET,
      apiUrl: process.env.SLACK_API_URL,
      logger: undefined,
    }),
  },
  state: createMemoryState(),
  logger: "silent",
});
const answer = async (thread, message) => {
  await thread.post(`You said: ${message.text}`);
};
bot.onDirectMessage(answer);
bot.onNewMention(answer);
bot.onSubscribedMessage(answer);

const server = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const request = new Request("http://127.0.0.1/webhook", {
    method: req.method, headers: req.headers, body: Buffer.concat(chunks),
  });
  const response = await bot.webhooks.slack(request, { waitUntil: (work) => work.catch(console.error) });
  res.writeHead(response.status, Object.fromEntries(response.headers));
  res.end(Buffer.from(await response.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => console.log(`listening http://127.0.0.1:${server.address().port}/webhook`));
