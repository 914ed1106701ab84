import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, describe, expect, it } from "vitest";
import { ConsumerGone, createEventStream } from "./event-stream.js";

const STALL_ms = 60_000;
const server = createServer();
afterEach(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));

/** A real connection: what the server writes to, and what the consumer reads from. */
async function connection(): Promise<{ response: ServerResponse; consumer: Promise<IncomingMessage>; leave: () => void }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const served = once(server, "request") as Promise<[IncomingMessage, ServerResponse]>;
  const request = get({ port: (server.address() as AddressInfo).port, agent: false });
  request.on("error", () => undefined);
  const consumer = new Promise<IncomingMessage>((resolve) => request.once("response", resolve));
  const [, response] = await served;
  return { response, consumer, leave: () => void request.destroy() };
}

/** More than the buffers of both ends hold, so that a write of it waits until the consumer reads. */
const FLOOD = "x".repeat(32 * 1024 * 1024);

describe("createEventStream", () => {
  it("sends nothing before the first write, then headers and text in order", async () => {
    const { response, consumer } = await connection();
    const stream = createEventStream(response, { clock: createFakeClock(), stall_ms: STALL_ms });
    expect(response.headersSent).toBe(false);
    stream.begin({ "X-Inference-Job-ID": "job" });
    await stream.write("data: one\n\n");
    await stream.write("");
    await stream.write("data: two\n\n");
    await stream.end();
    const message = await consumer;
    expect(message.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      "x-inference-job-id": "job",
    });
    expect(Buffer.concat(await message.toArray()).toString()).toBe("data: one\n\ndata: two\n\n");
  });

  it("waits for a slow consumer and goes on when it reads", async () => {
    const { response, consumer } = await connection();
    const clock = createFakeClock();
    const stream = createEventStream(response, { clock, stall_ms: STALL_ms });
    stream.begin({});
    const waiting = stream.write(FLOOD);
    const message = await consumer;
    message.resume();
    await waiting;
    expect(clock.pendingTimers).toBe(0);
  });

  it("cuts off a consumer that leaves a full buffer unread", async () => {
    const { response } = await connection();
    const clock = createFakeClock();
    const stream = createEventStream(response, { clock, stall_ms: STALL_ms });
    stream.begin({});
    const waiting = stream.write(FLOOD);
    const refused = expect(waiting).rejects.toThrow(ConsumerGone);
    await clock.advance(STALL_ms);
    await refused;
    expect(response.destroyed).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it("tells a waiting writer and every later one that the consumer left", async () => {
    const { response, leave } = await connection();
    const clock = createFakeClock();
    const stream = createEventStream(response, { clock, stall_ms: STALL_ms });
    stream.begin({});
    const waiting = stream.write(FLOOD);
    const refused = expect(waiting).rejects.toThrow(ConsumerGone);
    leave();
    await refused;
    await expect(stream.write("more")).rejects.toThrow(ConsumerGone);
    expect(clock.pendingTimers).toBe(0);
  });
});
