import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import Anthropic from "@anthropic-ai/sdk";
import { createUmbelFetch } from "@umbel/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, startNetwork, type TestNetwork } from "./harness/index.js";

/** Where TLS would end: sees every byte between consumer and coordinator. */
interface Tap {
  readonly url: string;
  /** Everything so far, both ways. */
  seen(): Buffer;
  close(): Promise<void>;
}

async function startTap(target: string): Promise<Tap> {
  const { hostname, port } = new URL(target);
  const pieces: Buffer[] = [];
  const sockets = new Set<Socket>();
  const relay = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on("data", (piece) => {
      pieces.push(piece);
      to.write(piece);
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
  };
  const server = createServer((consumer) => {
    const coordinator = connect(Number(port), hostname);
    relay(consumer, coordinator);
    relay(coordinator, consumer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the tap has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen: () => Buffer.concat(pieces),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("sealed mode, official clients against a real network", () => {
  const canary = `canary-${randomBytes(12).toString("hex")}`;
  const said = `please keep ${canary} to yourself`;
  const messages = [{ role: "user" as const, content: said }];
  let network: TestNetwork;
  let tap: Tap;
  let apiKey: string;
  let openai: OpenAI;
  let anthropic: Anthropic;

  beforeAll(async () => {
    network = await startNetwork();
    tap = await startTap(network.url);
    apiKey = (await network.client()).apiKey;
    const fetch = createUmbelFetch({ mode: "sealed" });
    openai = new OpenAI({ baseURL: `${tap.url}/v1`, apiKey, fetch, maxRetries: 0 });
    anthropic = new Anthropic({ baseURL: tap.url, apiKey, fetch, maxRetries: 0 });
    // Echo: what is answered holds the marker, too.
    await network.provider({ script: { answer: { kind: "echo" }, answerTokens: 64, tokens_per_s: 400 } });
  });
  afterAll(async () => {
    await tap.close();
    await network.close();
  });

  async function streamed(client: OpenAI): Promise<string> {
    let text = "";
    const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    return text;
  }

  it("answers on every surface, and who sees every byte sees nothing of question or answer", async () => {
    const chat = await openai.chat.completions.create({ model: MODEL, messages });
    expect(chat.choices[0]?.message.content).toContain(canary);
    expect(await streamed(openai)).toContain(canary);
    const response = await openai.responses.create({ model: MODEL, input: said });
    expect(response.output_text).toContain(canary);
    let responded = "";
    for await (const event of await openai.responses.create({ model: MODEL, input: said, stream: true })) {
      if (event.type === "response.output_text.delta") responded += event.delta;
    }
    expect(responded).toContain(canary);
    const completion = await openai.completions.create({ model: MODEL, prompt: said });
    expect(completion.choices[0]?.text).toContain(canary);
    const embedding = await openai.embeddings.create({ model: "sprout-embed", input: said });
    expect(embedding.data[0]?.embedding.length).toBeGreaterThan(0);
    const asked = { model: MODEL, max_tokens: 64, messages };
    expect(JSON.stringify(await anthropic.messages.create(asked))).toContain(canary);
    expect(await anthropic.messages.stream(asked).finalText()).toContain(canary);
    expect((await anthropic.messages.countTokens({ model: MODEL, messages })).input_tokens).toBeGreaterThan(0);
    await expect(openai.chat.completions.create({ model: canary, messages })).rejects.toMatchObject({ code: "model_not_found" });

    const seen = tap.seen();
    expect(seen.length).toBeGreaterThan(10_000);
    for (const marker of [canary, Buffer.from(said).toString("base64").slice(2, -4), Buffer.from(canary).toString("hex")]) {
      expect(seen.includes(marker)).toBe(false);
    }
  });

  it("would be seen in the clear: the tap works", async () => {
    const plain = new OpenAI({ baseURL: `${tap.url}/v1`, apiKey, fetch: createUmbelFetch({}), maxRetries: 0 });
    await plain.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: `in the clear: ${canary}` }] });
    expect(tap.seen().includes(`in the clear: ${canary}`)).toBe(true);
  });

  it("survives a restart of the coordinator, whose key is then another: the client notices nothing", async () => {
    const before = (await network.get("/v1/encryption-key")).body["kid"];
    await network.coordinator.stop();
    await network.restartCoordinator();
    expect((await network.get("/v1/encryption-key")).body["kid"]).not.toBe(before);
    await network.provider({ script: { answer: { kind: "echo" }, answerTokens: 64, tokens_per_s: 400 } });
    expect(await streamed(openai)).toContain(canary);
  });
});
