// Lark's own client: prints what it is given, and acknowledges it.
import * as lark from "@larksuiteoapi/node-sdk";

const [domain, appId, appSecret] = process.argv.slice(2);
const client = new lark.WSClient({ appId, appSecret, domain, loggerLevel: lark.LoggerLevel.error });
await client.start({
  eventDispatcher: new lark.EventDispatcher({}).register({
    "im.message.receive_v1": async (data) => {
      console.log(JSON.stringify({ type: "event", text: JSON.parse(data.message.content).text }));
    },
  }),
});
console.log("connected");
