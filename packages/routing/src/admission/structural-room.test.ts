import { describe, expect, it } from "vitest";
import { BUILD, builds, buildView, providerView, requestSpec, slots, slotView } from "../testing/fixtures.js";
import type { ProviderView, RequestSpec } from "../types.js";
import { couldHold } from "./structural-room.js";

const GIB = 2 ** 30;

/** A request of 1,024 tokens. */
const holds = (change: Partial<ProviderView>, specChange: Partial<RequestSpec> = {}): boolean =>
  couldHold(providerView(change), requestSpec({ promptTokens: 1_000, maxOutputTokens: 24, ...specChange }));

describe("the longest request that an idle machine could hold", () => {
  const budget = (tokenBudgetMax: number, tokenBudgetUsed = 0) => ({ slots: slots(slotView({ tokenBudgetMax, tokenBudgetUsed })) });

  it("is a resident build's whole budget, however much of it is in use", () => {
    expect(holds(budget(1_024, 1_024))).toBe(true);
    expect(holds(budget(1_023))).toBe(false);
    expect(holds(budget(1_024), { choices: 2 })).toBe(false);
  });

  it("is what is left of nine tenths of its memory beside weights and engine, where the build is not in memory", () => {
    // 0.9 × 10 − 1.2 × 4 − 3 is 1.2 GiB.
    const cold = { builds: builds(buildView({ size_bytes: 4 * GIB })), slots: slots(), totalMemory_gb: 10 };
    expect(holds(cold, { kvBytesPerToken: (1.2 * GIB) / 1_025 })).toBe(true);
    expect(holds(cold, { kvBytesPerToken: (1.2 * GIB) / 1_023 })).toBe(false);
    expect(holds({ ...cold, totalMemory_gb: 8 }, { kvBytesPerToken: 1 })).toBe(false);
  });

  it("is unknown, and so no reason to refuse, where the machine has not said enough", () => {
    const long = { promptTokens: 10 ** 9 };
    expect(holds(budget(0), long)).toBe(true);
    expect(holds({ slots: slots(), totalMemory_gb: 0 }, long)).toBe(true);
    expect(holds({ slots: slots(), builds: builds(buildView({ build: BUILD, size_bytes: 0 })) }, long)).toBe(true);
  });
});
