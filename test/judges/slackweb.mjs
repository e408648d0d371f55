// Slack's own client of the Web API: does what the gateway does, and prints what
// it was told of it, or how it was refused.
import { WebClient } from "@slack/web-api";

const [api, token] = process.argv.slice(2);
const web = new WebClient(token, { slackApiUrl: api, logLevel: "error", retryConfig: { retries: 0 }, rejectRateLimitedCalls: true });
const told = (text) => console.log(JSON.stringify({ text }));
const refused = async (what, call) => {
  try {
    await call();
    told(`${what}: taken`);
  } catch (e) {
    told(`${what}: ${e.data?.error ?? e.code}`);
  }
};
const rich = (text) => [{ type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text, style: { bold: true } }] }] }];
const metadata = (key) => ({ event_type: "parley_reply", event_payload: { delivery: key } });

const who = await web.auth.test();
told(`auth: ${who.user_id} ${who.response_metadata.scopes.includes("chat:write")}`);
const root = (await web.chat.postMessage({ channel: "C1", text: "root" })).ts;
const posted = await web.chat.postMessage({ channel: "C1", thread_ts: root, text: "one", blocks: rich("one"), metadata: metadata("k1") });
told(`posted: ${posted.message.thread_ts === root}`);
await web.chat.update({ channel: "C1", ts: posted.ts, text: "two", blocks: rich("two") });
const stream = await web.chat.startStream({ channel: "C1", thread_ts: root, recipient_user_id: "U1", recipient_team_id: "T1", markdown_text: "a " });
await web.chat.appendStream({ channel: "C1", ts: stream.ts, markdown_text: "b" });
await refused("chunks for text", () => web.chat.appendStream({ channel: "C1", ts: stream.ts, chunks: [{ type: "markdown_text", text: "x" }] }));
await refused("update of a stream", () => web.chat.update({ channel: "C1", ts: stream.ts, text: "x" }));
await web.chat.stopStream({ channel: "C1", ts: stream.ts, metadata: metadata("k2") });
await refused("append after the end", () => web.chat.appendStream({ channel: "C1", ts: stream.ts, markdown_text: "c" }));
const streamer = web.chatStream({ channel: "C1", thread_ts: root, recipient_user_id: "U1", recipient_team_id: "T1", buffer_size: 1 });
await streamer.append({ markdown_text: "from the " });
await streamer.append({ markdown_text: "helper" });
await streamer.stop();
await web.reactions.add({ channel: "C1", timestamp: root, name: "eyes" });
await refused("reaction again", () => web.reactions.add({ channel: "C1", timestamp: root, name: "eyes" }));
await web.reactions.remove({ channel: "C1", timestamp: root, name: "eyes" });
await web.filesUploadV2({ channel_id: "C1", thread_ts: root, filename: "a.txt", title: "a", content: "content" });
const user = await web.users.info({ user: "U1", include_locale: true });
told(`user: ${user.user.profile.display_name} ${user.user.locale}`);
told(`channel: ${(await web.conversations.info({ channel: "C7" })).channel.name}`);
await web.views.publish({ user_id: "U1", view: { type: "home", blocks: rich("help") } });
await web.assistant.threads.setSuggestedPrompts({ channel_id: "D1", prompts: [{ title: "one", message: "one" }] });
await web.assistant.threads.setStatus({ channel_id: "C1", thread_ts: root, status: "thinks" });
await refused("name of no session", () => web.agents.sessions.rename({ channel_id: "D1", thread_ts: root, title: "two" }));
await web.agents.sessions.setStatus({ channel_id: "D1", thread_ts: root, status: "active", title: "one" });
told(`session: ${(await web.agents.sessions.rename({ channel_id: "D1", thread_ts: root, title: "two" })).title}`);
await refused("history", () => web.conversations.history({ channel: "D1" }));
await refused("limit", () => web.chat.postEphemeral({ channel: "C1", user: "U1", text: "hi" }));
const seen = [];
for await (const page of web.paginate("conversations.replies", { channel: "C1", ts: root, limit: 2, include_all_metadata: true })) {
  for (const m of page.messages) {
    seen.push(`${m.text}${m.files ? m.files[0].name : ""} ${m.metadata?.event_payload.delivery ?? "-"} ${m.streaming_state ?? "-"}`);
  }
}
told(`thread: ${seen.join(", ")}`);
