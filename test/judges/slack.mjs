// Slack's own client: prints what it is given, and acknowledges it.
import { SocketModeClient } from "@slack/socket-mode";

const [api, token] = process.argv.slice(2);
const client = new SocketModeClient({ appToken: token, clientOptions: { slackApiUrl: api }, logLevel: "error" });
client.on("slack_event", async ({ ack, type, body }) => {
  await ack();
  console.log(JSON.stringify({ type, text: body?.event?.text ?? body?.text ?? "" }));
});
client.on("connected", () => console.log("connected"));
await client.start();
