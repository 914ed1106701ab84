import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { clientClassOf } from "./client-class.js";
import { createLogger } from "./logger.js";
import { createMetrics } from "./metrics.js";
import { createRejections, REJECTION_LIMITS, type Rejection } from "./rejections.js";

const REJECTION: Rejection = {
  at: new Date(0),
  endpoint: "/v1/chat/completions",
  stage: "balance",
  reason: "insufficient_funds",
  httpStatus: 402,
  keyId: "key_1",
  accountHash: "abc",
  clientClass: "curl",
  body_bytes: 10,
  retryAfter_ms: undefined,
  shape: undefined,
  resolvedModel: undefined,
  promptTokens: undefined,
  maxOutputTokens: undefined,
  chances: undefined,
  lack: undefined,
};

function setUp(insert: (rows: readonly Rejection[]) => Promise<void>) {
  const clock = createFakeClock();
  const metrics = createMetrics();
  const lines: string[] = [];
  const removed: Date[] = [];
  const log = createLogger({ level: "warn", destination: { write: (line) => void lines.push(line) } });
  const store = { insert, browse: async () => [], removeOlderThan: async (at: Date) => void removed.push(at) };
  return {
    clock,
    metrics,
    lines,
    removed,
    rejections: createRejections({ store, clock, metrics, log, settings: { rejectionRetention_days: 30 } }),
  };
}

describe("the ledger of refusals", () => {
  it("is written in the order in which they came, many at a time", async () => {
    const writes: number[] = [];
    const rows: Rejection[] = [];
    const { rejections } = setUp(async (some) => {
      writes.push(some.length);
      rows.push(...some);
    });
    for (let httpStatus = 400; httpStatus < 600; httpStatus += 1) rejections.record({ ...REJECTION, httpStatus });
    await rejections.close();
    expect(rows.map(({ httpStatus }) => httpStatus)).toEqual(Array.from({ length: 200 }, (_, index) => 400 + index));
    expect(Math.max(...writes)).toBe(REJECTION_LIMITS.rowsPerWrite_max);
  });

  it("never holds a request up: what is too much is dropped and counted, and told at powers of ten", async () => {
    let written = 0;
    let go: () => void = () => undefined;
    const stuck = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { rejections, metrics, lines } = setUp(async (rows) => {
      await stuck;
      written += rows.length;
    });
    for (let count = 0; count < REJECTION_LIMITS.waiting_max + 1 + 12; count += 1) rejections.record(REJECTION);
    expect(metrics.render()).toContain('umbel_rejections_dropped_total{reason="full"} 12');
    expect(lines).toHaveLength(2);
    go();
    await rejections.close();
    expect(written).toBe(REJECTION_LIMITS.waiting_max + 1);
  });

  it("goes on when the database fails", async () => {
    let calls = 0;
    const { rejections, metrics } = setUp(async () => {
      calls += 1;
      if (calls === 1) throw new Error("no database");
    });
    rejections.record(REJECTION);
    await rejections.close();
    rejections.record(REJECTION);
    await rejections.close();
    expect(calls).toBe(2);
    expect(metrics.render()).toContain('umbel_rejections_dropped_total{reason="failed"} 1');
  });

  it("keeps one in a hundred of callers that nobody knows", async () => {
    let written = 0;
    const { rejections } = setUp(async (rows) => {
      written += rows.length;
    });
    for (let count = 0; count < 1_000; count += 1) rejections.record({ ...REJECTION, accountHash: undefined });
    await rejections.close();
    expect(written).toBe(10);
  });

  it("does not wait for ever when it closes", async () => {
    const { rejections, clock } = setUp(() => new Promise(() => undefined));
    rejections.record(REJECTION);
    const closed = rejections.close();
    await clock.advance(REJECTION_LIMITS.flush_ms);
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  it("forgets what is older than it is to be kept", async () => {
    const { rejections, clock, removed } = setUp(async () => undefined);
    await rejections.sweep();
    expect(removed).toEqual([new Date(clock.date().getTime() - 30 * 86_400_000)]);
  });
});

describe("clientClassOf", () => {
  it.each([
    [undefined, "direct"],
    ["", "direct"],
    ["OpenAI/JS 6.1.0", "openai-sdk"],
    ["AsyncOpenAI/Python 2.1", "openai-sdk"],
    ["Anthropic/JS 0.70.0", "anthropic-sdk"],
    ["ai/6.0 ai-sdk/openai-compatible/2.0", "js-sdk"],
    ["curl/8.5.0", "curl"],
    ["OpenRouter/1.0", "openrouter"],
    ["umbel-cli/0.1", "umbel"],
    ["Mozilla/5.0", "unknown"],
    [`${"x".repeat(256)}openrouter`, "unknown"],
  ])("%s is %s", (userAgent, name) => {
    expect(clientClassOf(userAgent)).toBe(name);
  });
});
