/** Stands between a provider and its coordinator and keeps a copy of every WebSocket message, both ways, unmasked, and of what is posted. */
import { once } from "node:events";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { type RawData, WebSocket, WebSocketServer } from "ws";

export interface RecordingProxy {
  /** Give this to the provider as its coordinator. */
  readonly url: string;
  readonly messages: readonly { readonly from: "provider" | "coordinator"; readonly binary: boolean; readonly bytes: Buffer }[];
  close(): Promise<void>;
}

export async function startRecordingProxy(coordinatorUrl: string): Promise<RecordingProxy> {
  const messages: { from: "provider" | "coordinator"; binary: boolean; bytes: Buffer }[] = [];
  const http = createServer(async (request, response) => {
    const bytes = await buffer(request);
    messages.push({ from: "provider", binary: false, bytes });
    const { method = "GET", url = "/", headers } = request;
    const passed = Object.entries({ "content-type": headers["content-type"], authorization: headers.authorization });
    const known = Object.fromEntries(passed.filter((header): header is [string, string] => header[1] !== undefined));
    const body = method === "POST" ? { body: new Uint8Array(bytes) } : {};
    const answer = await fetch(`${coordinatorUrl}${url}`, { method, headers: known, ...body });
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = new WebSocketServer({ server: http, path: "/ws/provider" });
  server.on("connection", (provider) => {
    const coordinator = new WebSocket(`${coordinatorUrl.replace(/^http/, "ws")}/ws/provider`);
    const waiting: (() => void)[] = [];
    coordinator.on("open", () => {
      for (const send of waiting.splice(0)) send();
    });
    const relay = (from: "provider" | "coordinator", to: WebSocket) => (data: RawData, binary: boolean) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
      messages.push({ from, binary, bytes: Buffer.from(bytes) });
      const send = () => to.send(bytes, { binary });
      if (to.readyState === WebSocket.CONNECTING) waiting.push(send);
      else send();
    };
    provider.on("message", relay("provider", coordinator));
    coordinator.on("message", relay("coordinator", provider));
    provider.on("close", () => coordinator.close());
    coordinator.on("close", () => provider.close());
    coordinator.on("error", () => provider.terminate());
    provider.on("error", () => coordinator.terminate());
  });
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    messages,
    close: async () => {
      for (const client of server.clients) client.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
