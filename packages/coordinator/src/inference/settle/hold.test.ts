import { describe, expect, it } from "vitest";
import { createLogger, createMetrics } from "../../insight/index.js";
import type { HoldOutcome } from "../../ledger/index.js";
import type { PreparedRequest } from "../admit/check.js";
import { type HoldServices, openHold } from "./hold.js";

const HELD: HoldOutcome = { ok: true, hold_microUsd: 250n };
const POOR: HoldOutcome = { ok: false, reason: "insufficient_funds", needed_microUsd: 250n, spendable_microUsd: 100n };
const CAPPED: HoldOutcome = {
  ...{ ok: false, reason: "key_limit", needed_microUsd: 250n, limit_microUsd: 1_000n, used_microUsd: 900n, window: "daily" },
};

function setUp(outcome: HoldOutcome | Error, asked: { isService?: boolean; ownMachines?: "preferred" } = {}) {
  const metrics = createMetrics();
  let now_ms = 0;
  const hold = async (): Promise<HoldOutcome> => {
    now_ms += 20;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const ledger = { hold, prices: async () => ({ input_microUsd: 1n, output_microUsd: 1n, source: "fallback" as const }) };
  const services = { ledger, metrics, log: createLogger({ level: "silent" }), clock: { now_ms: () => now_ms } } as unknown as HoldServices;
  const principal = { accountId: "a", method: "api_key", key: { id: "key_1", isService: asked.isService ?? false } };
  const request = {
    input: { requestId: "r", principal, ownMachines: asked.ownMachines },
    ...{ build: { id: "oak" }, publicName: "oak", outputBound_tokens: 10 },
    request: { messages: [], tools: [], responseFormat: { type: "text" }, templateVariables: {}, task: { type: "chat" } },
  } as unknown as PreparedRequest;
  return { metrics, opened: openHold(request, services) };
}

describe("a hold that is asked for", () => {
  it.each([
    ["held", "any", HELD, {}],
    ["held", "service", HELD, { isService: true }],
    ["held", "service", HELD, { isService: true, ownMachines: "preferred" }],
    ["held", "prefer", HELD, { ownMachines: "preferred" }],
    ["insufficient_funds", "any", POOR, {}],
    ["key_limit", "prefer", CAPPED, { ownMachines: "preferred" }],
    ["frozen", "any", { ok: false, reason: "frozen" }, {}],
    ["failed", "service", new Error("no database"), { isService: true }],
  ] as const)("counts as %s, %s, and for the time that it took", async (outcome, mode, answer, asked) => {
    const { metrics, opened } = setUp(answer, asked);
    await opened.catch(() => undefined);
    const text = metrics.render();
    expect(text).toContain(`umbel_billing_reservations_total{model="oak",mode="${mode}",outcome="${outcome}"} 1`);
    expect(text).toContain("umbel_billing_hold_latency_ms_sum 20");
    expect(text.includes('umbel_billing_reserved_micro_usd_total{model="oak"} 250')).toBe(outcome === "held");
  });

  it.each([
    [POOR, { status: 402, type: "insufficient_funds", lack: { limit: "balance", by: 150, isMoney: true } }],
    [CAPPED, { status: 402, type: "insufficient_quota", lack: { limit: "key_limit", by: 150, isMoney: true } }],
  ])("is refused with what is missing, for whoever looks into it", async (answer, refusal) => {
    await expect(setUp(answer).opened).rejects.toMatchObject({ ...refusal, code: "insufficient_quota" });
  });
});
