// Lark's own client: makes every call that Parley makes, and prints what it read
// out of each answer.
import * as lark from "@larksuiteoapi/node-sdk";

const [domain, appId, appSecret] = process.argv.slice(2);
const quiet = Object.fromEntries(["error", "warn", "info", "debug", "trace"].map((level) => [level, () => {}])); // refusals are part of it
const client = new lark.Client({ appId, appSecret, domain, logger: quiet });

async function say(name, call) {
  let text;
  try {
    const got = await call();
    text = typeof got === "object" ? "code " + got.code : got;
  } catch (err) {
    text = "code " + (err.response?.data?.code ?? err);
  }
  console.log(JSON.stringify({ text: name + ": " + text }));
}

const text = (s) => JSON.stringify({ text: s });
const card = (s, streaming, n = 1) => JSON.stringify({
  schema: "2.0",
  config: { streaming_mode: streaming, update_multi: true },
  body: { elements: Array.from({ length: n }, (_, i) => ({ tag: "markdown", element_id: "e" + i, content: s })) },
});
const create = (uuid, type, content) => client.im.v1.message.create({
  params: { receive_id_type: "chat_id" }, data: { receive_id: "oc_1", msg_type: type, content, uuid },
});
let first, shown, cardId, reaction, sequence = 0;

await say("create", async () => {
  first = (await create("u1", "text", text("one"))).data;
  return first.message_id.startsWith("om_") && first.chat_id === "oc_1" ? "shown" : first;
});
await say("create again", async () => ((await create("u1", "text", text("two"))).data.message_id === first.message_id ? "the same" : "another"));
await say("reply", async () => {
  const { data } = await client.im.v1.message.reply({
    path: { message_id: first.message_id },
    data: { msg_type: "post", content: JSON.stringify({ zh_cn: { title: "", content: [[{ tag: "md", text: "# two" }]] } }), uuid: "u2", reply_in_thread: true },
  });
  return data.root_id === first.message_id && data.thread_id ? "in a thread" : data;
});
await say("read", async () => (await client.im.v1.message.get({ path: { message_id: "om_said" } })).data.items[0].body.content);
await say("react", async () => {
  const { data } = await client.im.v1.messageReaction.create({ path: { message_id: first.message_id }, data: { reaction_type: { emoji_type: "Typing" } } });
  reaction = data.reaction_id;
  return data.reaction_type.emoji_type;
});
await say("reactions", async () => {
  const { data } = await client.im.v1.messageReaction.list({ path: { message_id: first.message_id }, params: { reaction_type: "Typing" } });
  return data.items.length + " by " + data.items[0].operator.operator_type;
});
await say("unreact", () => client.im.v1.messageReaction.delete({ path: { message_id: first.message_id, reaction_id: reaction } }));
await say("file", async () => {
  const { file_key } = await client.im.v1.file.create({ data: { file_type: "stream", file_name: "a.txt", file: Buffer.from("words") } });
  await create("u3", "file", JSON.stringify({ file_key }));
  return "shown";
});
await say("card", async () => {
  shown = (await create("u4", "interactive", card("three", false))).data;
  return shown.msg_type;
});
await say("patch", () => client.im.v1.message.patch({ path: { message_id: shown.message_id }, data: { content: card("patched", false) } }));
await say("patch of a text", () => client.im.v1.message.patch({ path: { message_id: first.message_id }, data: { content: card("patched", false) } }));
await say("stream", async () => {
  cardId = (await client.cardkit.v1.card.create({ data: { type: "card_json", data: card("four", true) } })).data.card_id;
  shown = (await create("u5", "interactive", JSON.stringify({ type: "card", data: { card_id: cardId } }))).data;
  return shown.msg_type;
});
const content = (s, seq, element = "e0") => client.cardkit.v1.cardElement.content({
  path: { card_id: cardId, element_id: element }, data: { content: s, sequence: seq, uuid: "s" + seq },
});
await say("which card", async () => ((await client.cardkit.v1.card.idConvert({ data: { message_id: shown.message_id } })).data.card_id === cardId ? "that one" : "another"));
await say("grow", () => content("four words", ++sequence));
await say("grow late", () => content("four", sequence));
await say("grow elsewhere", () => content("four", ++sequence, "e9"));
await say("settings", () => client.cardkit.v1.card.settings({
  path: { card_id: cardId },
  data: { settings: JSON.stringify({ config: { streaming_mode: false, summary: { content: "sum" } } }), sequence: ++sequence, uuid: "t" },
}));
await say("grow closed", () => content("four more", ++sequence));
await say("update", () => client.cardkit.v1.card.update({
  path: { card_id: cardId }, data: { card: { type: "card_json", data: card("whole", false) }, sequence: ++sequence, uuid: "v" },
}));
await say("too many elements", () => create("u6", "interactive", card("x", false, 201)));
await say("too many tables", () => create("u7", "interactive", card("| a |\n| --- |\n| b |", false, 4)));
await say("take back", () => client.im.v1.message.delete({ path: { message_id: first.message_id } }));
await say("gone", () => client.im.v1.message.reply({ path: { message_id: "om_gone" }, data: { msg_type: "text", content: text("x") } }));
