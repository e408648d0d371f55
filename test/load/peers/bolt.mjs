// Slack's own framework, answering every message: the peer that
// BenchmarkPeers measures Parley beside.
import bolt from "@slack/bolt";

const app = new bolt.App({
  token: process.env.SLACK_BOT_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
  logLevel: bolt.LogLevel.ERROR,
});
app.message(async ({ message, say }) => {
  await say(`You said: ${message.text}`);
});
const server = await app.start({ host: "127.0.0.1", port: 0 });
console.log(`listening http://127.0.0.1:${server.address().port}/slack/events`);
