import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TelemetryEvent } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskQueue } from "./disk-queue.js";
import { REPORTER_LIMITS } from "./limits.js";
import { createTelemetry, type Send } from "./reporter.js";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-telemetry-"));
});
afterEach(() => rm(home, { recursive: true }));

/** Ids that tell events apart, and are ids. */
function ids(): () => string {
  let made = 0;
  return () => `6c84fb90-12c4-41e1-840d-${String(++made).padStart(12, "0")}`;
}

/** An answer that never comes, until nobody waits for it any more. */
const silent = (signal: AbortSignal): Promise<number> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("given up"))));

function setUp(answer: (signal: AbortSignal) => Promise<number> | number = () => 202, retryAfter: string | null = null) {
  const clock = createFakeClock();
  const sent: { readonly url: string; readonly authorization: string | undefined; readonly events: readonly TelemetryEvent[] }[] = [];
  const send: Send = async (url, { headers, body, signal }) => {
    sent.push({ url, authorization: headers["authorization"], events: JSON.parse(body).events });
    const status = await answer(signal);
    return { status, headers: { get: () => retryAfter }, arrayBuffer: async () => undefined };
  };
  const queue = createDiskQueue(home);
  const telemetry = createTelemetry({
    ...{ coordinatorUrl: "wss://coordinator.example/base/", authToken: "umbel-pt-1", version: "0.1.0", queue, clock, newId: ids(), send },
    machine: { platform: "linux", memory_gb: 16 },
    logger: { debug: () => undefined },
  });
  /** Lets what is on its way arrive. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await settle();
  };
  return { telemetry, queue, sent, pass, settle, clock };
}

describe("what a machine tells of itself", () => {
  it("goes to the coordinator after ten seconds, with what every event says of the machine, and nothing that is not on the list", async () => {
    const { telemetry, sent, pass } = setUp();
    telemetry.tell("worker_ended", { signal: "SIGSEGV", ...({ prompt: "tell me about herons" } as object) });
    expect(sent).toEqual([]);
    await pass(REPORTER_LIMITS.flush_ms);
    expect(sent).toMatchObject([{ url: "https://coordinator.example/base/v1/telemetry/events", authorization: "Bearer umbel-pt-1" }]);
    expect(sent[0]?.events).toMatchObject([{ message: "worker_ended", source: "provider", version: "0.1.0" }]);
    expect(sent[0]?.events[0]?.fields).toEqual({ platform: "linux", memory_gb: 16, signal: "SIGSEGV" });
    await pass(REPORTER_LIMITS.flush_ms);
    expect(sent).toHaveLength(1);
  });

  it(`goes at once when there are ${REPORTER_LIMITS.batch_max}`, async () => {
    const { telemetry, sent, settle } = setUp();
    for (let told = 0; told < REPORTER_LIMITS.batch_max; told += 1) telemetry.tell("reconnecting", { reconnect_count: told });
    await settle();
    expect(sent.map(({ events }) => events.length)).toEqual([REPORTER_LIMITS.batch_max]);
  });

  it.each([500, 503, 429, 408])("waits on the disk when the coordinator answers %i, and goes later, once", async (status) => {
    let answer = status;
    const { telemetry, sent, queue, pass } = setUp(() => answer);
    telemetry.tell("provider_started");
    await pass(REPORTER_LIMITS.flush_ms);
    expect([sent.length, queue.isEmpty]).toEqual([1, false]);
    answer = 202;
    await pass(REPORTER_LIMITS.retry_first_ms);
    expect(sent.map(({ events }) => events[0]?.id)).toEqual([sent[0]?.events[0]?.id, sent[0]?.events[0]?.id]);
    expect(queue.isEmpty).toBe(true);
  });

  it.each([400, 401, 403, 404, 413])("is given up when the coordinator answers %i: the same would be refused again", async (status) => {
    const { telemetry, sent, queue, pass } = setUp(() => status);
    telemetry.tell("provider_started");
    await pass(REPORTER_LIMITS.flush_ms);
    await pass(REPORTER_LIMITS.retry_ms_max);
    expect([sent.length, queue.isEmpty]).toEqual([1, true]);
  });

  it("is tried again after waits that double, up to ten minutes, and not before the coordinator wants it", async () => {
    const { telemetry, sent, pass } = setUp(() => Promise.reject(new Error("no network")));
    telemetry.tell("provider_started");
    const tries: number[] = [];
    for (let step = 0; step < 400; step += 1) {
      await pass(REPORTER_LIMITS.flush_ms);
      if (sent.length > tries.length) tries.push(step);
    }
    const waits = tries.slice(1).map((step, index) => step - (tries[index] ?? 0));
    expect(waits.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 32, 60]);

    const asked = setUp(() => 429, "120");
    asked.telemetry.tell("provider_started");
    for (let step = 0; step < 12; step += 1) await asked.pass(REPORTER_LIMITS.flush_ms);
    expect(asked.sent).toHaveLength(1);
    await asked.pass(REPORTER_LIMITS.flush_ms);
    expect(asked.sent).toHaveLength(2);
  });

  it(`is at most ${REPORTER_LIMITS.waiting_max} events in memory; the older ones go to the disk`, async () => {
    const { telemetry, queue } = setUp(() => new Promise(() => undefined));
    for (let told = 0; told <= REPORTER_LIMITS.waiting_max + REPORTER_LIMITS.batch_max; told += 1) telemetry.tell("provider_started");
    expect(queue.isEmpty).toBe(false);
  });

  it("is given up after ten seconds without an answer, and tried again", async () => {
    const { telemetry, sent, queue, pass } = setUp(silent);
    telemetry.tell("provider_started");
    await pass(REPORTER_LIMITS.flush_ms);
    expect([sent.length, queue.isEmpty]).toEqual([1, true]);
    await pass(REPORTER_LIMITS.answer_ms);
    expect(queue.isEmpty).toBe(false);
  });

  it("keeps a stop waiting for three seconds at most; what is left goes to the disk", async () => {
    const { telemetry, queue, pass } = setUp(silent);
    telemetry.tell("provider_started");
    await pass(REPORTER_LIMITS.flush_ms);
    telemetry.tell("provider_stopped");
    const closed = telemetry.close();
    await pass(REPORTER_LIMITS.close_ms);
    await closed;
    expect(queue.first().map(({ message }) => message)).toEqual(["provider_started", "provider_stopped"]);
  });

  it("is written down at once when the process ends by an error, without what the error said", async () => {
    const { telemetry } = setUp();
    telemetry.tell("reconnecting");
    telemetry.tellAtEnd(Object.assign(new TypeError("tell me about herons"), { code: "ERR_HERON" }));
    const text = await readFile(path.join(home, "telemetry-queue.jsonl"), "utf8");
    const events = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as TelemetryEvent);
    expect(events.map(({ message }) => message)).toEqual(["reconnecting", "uncaught_error"]);
    expect(events[1]).toMatchObject({
      fields: { error_class: "TypeError", error: "ERR_HERON" },
      stack: expect.stringMatching(/^at .*reporter\.test\.ts/),
    });
    expect(text).not.toContain("herons");
  });
});

describe("events on the disk", () => {
  const event = (id: number): TelemetryEvent => ({
    ...{ id: `6c84fb90-12c4-41e1-840d-${String(id).padStart(12, "0")}`, timestamp: "2026-12-01T12:00:00.000Z", source: "provider" },
    ...{ message: "provider_started", version: "0.1.0", session_id: "6c84fb90-12c4-41e1-840d-7f6b0d1e2a40", fields: {} },
  });

  it("are given out oldest first, as many as one request takes, and stay until they are taken off", () => {
    const queue = createDiskQueue(home);
    queue.add(Array.from({ length: REPORTER_LIMITS.batch_max + 10 }, (_, index) => event(index)));
    expect(queue.first()).toHaveLength(REPORTER_LIMITS.batch_max);
    expect(queue.first()[0]?.id).toBe(event(0).id);
    queue.removeFirst();
    // Another start finds the rest.
    expect(
      createDiskQueue(home)
        .first()
        .map(({ id }) => id),
    ).toEqual(Array.from({ length: 10 }, (_, index) => event(index + 50).id));
  });

  it("are private, and lines that cannot be read are passed over", async () => {
    const file = path.join(home, "telemetry-queue.jsonl");
    await writeFile(file, '{"cut":\nno json\n{"message":"tell me about herons"}\n');
    const queue = createDiskQueue(home);
    queue.add([event(1)]);
    expect(queue.first()).toEqual([event(1)]);
    queue.removeFirst();
    expect(queue.isEmpty).toBe(true);
    queue.add([event(2)]);
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it(`are at most ${REPORTER_LIMITS.disk_bytes_max} bytes: the older half goes`, async () => {
    const queue = createDiskQueue(home);
    const many = Array.from({ length: 5_000 }, (_, index) => event(index));
    for (let batch = 0; batch < 5; batch += 1) queue.add(many);
    expect((await stat(path.join(home, "telemetry-queue.jsonl"))).size).toBeLessThanOrEqual(REPORTER_LIMITS.disk_bytes_max);
    expect(queue.isEmpty).toBe(false);
  });

  it("are lost, and nothing else, where nothing can be written", async () => {
    const queue = createDiskQueue(path.join(home, "file", "below"));
    await writeFile(path.join(home, "file"), "");
    expect(() => queue.add([event(1)])).not.toThrow();
    expect(queue.isEmpty).toBe(true);
    expect(queue.first()).toEqual([]);
    expect(() => queue.removeFirst()).not.toThrow();
  });
});
