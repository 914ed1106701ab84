import { gzipSync } from "node:zlib";
import { TELEMETRY_LIMITS } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createLogger } from "../logger.js";
import { createMetrics } from "../metrics.js";
import { SINK_CAPACITY } from "../sink.js";
import { createLogReports, LOG_REPORT_LIMITS, type LogReport } from "./log-reports.js";
import { readEvent, type TelemetryRecord, type TelemetrySender } from "./read-event.js";
import { createTelemetry } from "./telemetry.js";

const NOW = new Date("2026-12-01T12:00:00Z");
const MACHINE: TelemetrySender = { type: "machine", machine: "tok:0123456789abcdef", accountId: "alice" };
const EVENT = {
  id: "6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f",
  timestamp: "2026-12-01T11:59:00Z",
  source: "provider",
  message: "worker_ended",
  version: "0.1.0",
  session_id: "6c84fb90-12c4-41e1-840d-7f6b0d1e2a40",
  fields: { signal: "SIGSEGV" },
};

const read = (change: object = {}, sender: TelemetrySender = MACHINE) => readEvent({ ...EVENT, ...change }, sender, NOW, () => "minted");

describe("an event that comes in", () => {
  it("is kept with what follows from its message, and with whose it is by its credential", () => {
    expect(read()).toMatchObject({
      eventId: EVENT.id,
      happenedAt: new Date(EVENT.timestamp),
      ...{ source: "provider", message: "worker_ended", kind: "backend_crash", severity: "error", version: "0.1.0" },
      ...{ machine: "tok:0123456789abcdef", accountId: "alice", fields: { signal: "SIGSEGV" }, stack: undefined },
    });
  });

  it.each<[string, object, object]>([
    ["an id that is none", { id: "mine" }, { eventId: "minted" }],
    ["a time long ago", { timestamp: "2026-11-01T00:00:00Z" }, { happenedAt: NOW }],
    ["a time to come", { timestamp: "2026-12-01T12:06:00Z" }, { happenedAt: NOW }],
    ["no time", { timestamp: "lately" }, { happenedAt: NOW }],
    ["a source that nobody knows", { source: "hacker" }, { source: "provider" }],
    ["a version with words in it", { version: "tell me about herons" }, { version: undefined }],
    ["a version that is one word", { version: "herons-4b5c6d" }, { version: undefined }],
    ["a session that is none", { session_id: "tell me" }, { sessionId: undefined }],
    ["somebody else's name", { machine_id: "tok:other", account_id: "bob" }, { machine: "tok:0123456789abcdef", accountId: "alice" }],
    ["another severity", { severity: "debug", kind: "custom" }, { severity: "error", kind: "backend_crash" }],
    ["fields that nobody knows", { fields: { prompt: "tell me" } }, { fields: {} }],
    ["a stack with text in it", { stack: "tell me\n    at f (/home/ada/x.js:1:2)" }, { stack: "at f (x.js:1:2)" }],
  ])("with %s is put right", (_, change, kept) => {
    expect(read(change)).toMatchObject(kept);
  });

  it.each([
    ["text", "tell me"],
    ["nothing", null],
    ["an event with words of its own", { ...EVENT, message: "tell me about herons" }],
  ])("is left out when it is %s", (_, event) => {
    expect(readEvent(event, MACHINE, NOW, () => "minted")).toBeUndefined();
  });

  it("makes nobody a machine who has not shown a machine's token", () => {
    const anonymous = { type: "anonymous", network: "203.0.113.0/24" } as const;
    expect(read({}, anonymous)).toMatchObject({ source: "app", machine: undefined, accountId: undefined });
    expect(read({ source: "console" }, anonymous)).toMatchObject({ source: "console" });
    expect(read({}, { type: "account", accountId: "alice" })).toMatchObject({ source: "app", machine: undefined, accountId: "alice" });
  });

  it("has the fingerprint of those that say the same, whoever says it and when", () => {
    const fingerprint = read()?.fingerprint;
    expect(read({ id: "6c84fb90-12c4-41e1-840d-7f6b0d1e2a41", fields: { signal: "SIGSEGV", in_flight: 3 } })?.fingerprint).toBe(
      fingerprint,
    );
    expect(read({ fields: { signal: "SIGKILL" } })?.fingerprint).not.toBe(fingerprint);
    expect(read({ stack: "    at f (/a/x.js:1:2)" })?.fingerprint).not.toBe(fingerprint);
  });
});

function setUp(kept_days: number, insert: (rows: readonly TelemetryRecord[]) => Promise<void>) {
  const removed: Date[] = [];
  const metrics = createMetrics();
  const store = { insert, browse: async () => [], groups: async () => [], removeOlderThan: async (at: Date) => void removed.push(at) };
  const log = createLogger({ level: "silent" });
  const clock = createFakeClock();
  const telemetry = createTelemetry({
    store,
    clock,
    metrics,
    log,
    settings: { telemetryRetention_days: kept_days },
    newId: () => "minted",
  });
  return { telemetry, metrics, removed, clock };
}

describe("what machines tell", () => {
  it("is counted and kept, each event by itself", async () => {
    const rows: TelemetryRecord[] = [];
    const { telemetry, metrics } = setUp(14, async (some) => void rows.push(...some));
    expect(telemetry.take([EVENT, "tell me", { ...EVENT, message: "provider_started" }], MACHINE)).toEqual({ accepted: 2, rejected: 1 });
    await telemetry.close();
    expect(rows.map(({ message }) => message)).toEqual(["worker_ended", "provider_started"]);
    expect(metrics.render()).toContain('telemetry_events_total{source="provider",message="worker_ended",severity="error"} 1');
  });

  it("is counted alone where nothing is to be kept", async () => {
    const rows: TelemetryRecord[] = [];
    const { telemetry } = setUp(0, async (some) => void rows.push(...some));
    expect(telemetry.take([EVENT], MACHINE)).toEqual({ accepted: 1, rejected: 0 });
    await telemetry.close();
    expect(rows).toEqual([]);
  });

  it("is dropped and counted when the database does not keep up, and holds nobody up", () => {
    const { telemetry, metrics } = setUp(14, () => new Promise(() => undefined));
    for (let taken = 0; taken <= SINK_CAPACITY + 100; taken += 1) telemetry.take([EVENT], MACHINE);
    expect(metrics.render()).toMatch(/telemetry_dropped_total\{reason="full"\} \d+/);
  });

  it("is removed when it is old", async () => {
    const { telemetry, removed, clock } = setUp(14, async () => undefined);
    await telemetry.sweep();
    expect(removed).toEqual([new Date(clock.date().getTime() - 14 * 24 * 3_600_000)]);
  });
});

describe("a log report", () => {
  function reports() {
    const kept: { readonly report: LogReport; readonly parts: readonly string[]; readonly most: number }[] = [];
    const removed: Date[] = [];
    const clock = createFakeClock();
    const store = {
      insert: async (report: LogReport, parts: readonly string[], most: number) => void kept.push({ report, parts, most }),
      list: async () => [],
      parts: async (id: string) => kept.find(({ report }) => report.id === id)?.parts ?? [],
      remove: async () => false,
      removeOlderThan: async (at: Date) => void removed.push(at),
    };
    const randomBytes = (length: number) => new Uint8Array(length).fill(7);
    return { kept, removed, clock, reports: createLogReports({ store, clock, settings: { logReportRetention_days: 30 }, randomBytes }) };
  }
  const from = { accountId: "alice", machine: "tok:0123456789abcdef", provider: null };

  it("is kept compressed and in pieces, and read whole", async () => {
    const { reports: all, kept } = reports();
    const lines = Array.from({ length: 4_000 }, (_, line) => `{"line":${line},"at":"${Math.imul(line, 2_654_435_761)}"}`).join("\n");
    const report = await all.keep(gzipSync(lines), from);
    if (report === undefined || report === "too_large") throw new Error("it was not kept");
    expect(report).toMatchObject({ id: `rep_${"07".repeat(12)}`, bytes: lines.length, machine: from.machine });
    expect(kept[0]).toMatchObject({ most: LOG_REPORT_LIMITS.perMachine_max });
    expect(kept[0]?.parts.length).toBeGreaterThan(1);
    expect(Buffer.from((await all.read(report.id)) ?? []).toString()).toBe(lines);
    expect(await all.read("rep_none")).toBeUndefined();
  });

  it(`is at most ${TELEMETRY_LIMITS.report_bytes_max} bytes, however small it was made`, async () => {
    const { reports: all } = reports();
    expect(await all.keep(gzipSync(Buffer.alloc(TELEMETRY_LIMITS.report_bytes_max + 1, "x")), from)).toBe("too_large");
    expect(await all.keep(gzipSync(Buffer.alloc(TELEMETRY_LIMITS.report_bytes_max, "x")), from)).toMatchObject({
      bytes: TELEMETRY_LIMITS.report_bytes_max,
    });
  });

  it.each([
    ["what is not compressed", Buffer.from("lines")],
    ["nothing", gzipSync("")],
    ["what is no text", gzipSync(Buffer.from([1, 0, 2]))],
    ["what is cut off", gzipSync("some lines").subarray(0, 12)],
  ])("is not %s", async (_, content) => {
    const { reports: all, kept } = reports();
    expect(await all.keep(content, from)).toBeUndefined();
    expect(kept).toEqual([]);
  });

  it("is removed when it is old", async () => {
    const { reports: all, removed, clock } = reports();
    await all.sweep();
    expect(removed).toEqual([new Date(clock.date().getTime() - 30 * 24 * 3_600_000)]);
  });
});
