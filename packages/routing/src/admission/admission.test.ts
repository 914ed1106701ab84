import { describe, expect, it } from "vitest";
import { DEFAULT_COST_PROFILE } from "../cost/profile.js";
import { BUILD, builds, buildView, OTHER_BUILD, providerView, requestSpec, slots, slotView } from "../testing/fixtures.js";
import type { ProviderView, RequestSpec } from "../types.js";
import { hasHeadroom } from "./concurrency.js";
import { requestDemand_tokens } from "./demand.js";
import { fitsHardware } from "./hardware-fit.js";
import { memoryAdmits } from "./memory.js";

const GIB = 2 ** 30;
const placed = (requests: number, tokens = 0, build = BUILD): Partial<ProviderView> => ({
  pending: new Map([[build, { requests, tokens }]]),
  pendingTotal: requests,
});

describe("demand of a request", () => {
  it("is prompt plus largest output", () => {
    expect(requestDemand_tokens(requestSpec({ promptTokens: 10, maxOutputTokens: 20 }))).toBe(30);
    expect(requestDemand_tokens(requestSpec({ promptTokens: 10, maxOutputTokens: 20, choices: 3 }))).toBe(90);
  });

  it("assumes 256 output tokens where none are named, and no prompt where the estimate is garbage", () => {
    expect(requestDemand_tokens(requestSpec({ promptTokens: -5, maxOutputTokens: 0 }))).toBe(256);
    expect(requestDemand_tokens(requestSpec({ promptTokens: Number.NaN, maxOutputTokens: Number.NaN }))).toBe(256);
  });
});

describe("concurrency", () => {
  /** Requests that fit, found by filling the machine one by one. */
  const places = (change: Partial<ProviderView>, profile = DEFAULT_COST_PROFILE): number => {
    let count = 0;
    while (count < 500 && hasHeadroom(providerView({ ...change, ...placed(count) }), BUILD, profile)) count++;
    return count;
  };
  const uncapped = { staticDecode_tps: 0 };

  it("is 4 for a machine that has not reported capacity", () => {
    expect(places({ ...uncapped, slots: undefined })).toBe(4);
  });

  it("is what the slot says", () => {
    expect(places({ ...uncapped, slots: slots(slotView({ maxConcurrency: 5 })) })).toBe(5);
  });

  it("is 24 in all for a machine that bounds tokens, unless its slots name more", () => {
    expect(places({ ...uncapped, slots: slots(slotView({ maxConcurrency: 0 })) })).toBe(24);
    expect(places({ ...uncapped, slots: slots(slotView({ maxConcurrency: 64 })) })).toBe(64);
  });

  it.each([
    [24, 2],
    [24.1, 4],
    [48, 4],
    [96, 6],
    [128, 8],
    [129, 12],
  ])("follows memory where nothing else bounds it: %d GB hold %d", (totalMemory_gb, requests) => {
    const slot = slotView({ maxConcurrency: 0, tokenBudgetMax: 0 });
    expect(places({ ...uncapped, totalMemory_gb, slots: slots(slot) })).toBe(requests);
  });

  it("keeps streams above the decode floor, twice over-committed", () => {
    const slot = slots(slotView({ maxConcurrency: 200 }));
    // 100 tok/s alone: (100 / 15 − 1) / 0.27 = 20.98 streams at 15 tok/s.
    expect(places({ slots: slot, staticDecode_tps: 100 })).toBe(40);
    expect(places({ slots: slot, staticDecode_tps: 15 })).toBe(2);
    expect(places({ slots: slot, staticDecode_tps: 1 })).toBe(2);
    expect(places({ slots: slot, staticDecode_tps: 100 }, { ...DEFAULT_COST_PROFILE, qualityOvercommit: 0 })).toBe(200);
    expect(places({ slots: slot, staticDecode_tps: 100 }, { ...DEFAULT_COST_PROFILE, decodeFloor_tps: 0 })).toBe(200);
  });

  it("does not let the loaded observation shrink the cap", () => {
    expect(places({ slots: slots(slotView({ maxConcurrency: 30, observedDecode_tps: 2 })) })).toBe(30);
  });

  it("counts what the slot reports or what was placed since, whichever is more", () => {
    const slot = slotView({ maxConcurrency: 4, running: 2, waiting: 1 });
    const full = (count: number) => !hasHeadroom(providerView({ slots: slots(slot), ...placed(count) }), BUILD, DEFAULT_COST_PROFILE);
    expect(full(3)).toBe(false);
    expect(full(4)).toBe(true);
  });

  it("counts work of other builds against the machine, not against the slot", () => {
    const provider = providerView({ ...uncapped, slots: slots(slotView({ maxConcurrency: 1 })), ...placed(23, 0, OTHER_BUILD) });
    expect(hasHeadroom(provider, BUILD, DEFAULT_COST_PROFILE)).toBe(true);
    expect(hasHeadroom({ ...provider, pendingTotal: 24 }, BUILD, DEFAULT_COST_PROFILE)).toBe(false);
  });
});

describe("hardware fit", () => {
  const fits = (size_bytes: number, change: Partial<ProviderView>, spec: Partial<RequestSpec> = {}) =>
    fitsHardware(providerView({ builds: builds(buildView({ size_bytes })), slots: slots(), ...change }), requestSpec(spec));

  it("asks for twice the size", () => {
    expect(fits(4 * GIB, { totalMemory_gb: 8 })).toBe(true);
    expect(fits(4 * GIB, { totalMemory_gb: 7.9 })).toBe(false);
  });

  it("asks for what the catalogue says, of either memory or of both together, where it says so", () => {
    const memory = { resident_bytes: 5 * GIB, minRam_gb: 7, minVram_gb: 6 };
    const known = (change: Partial<ProviderView>) => fits(4 * GIB, change, { memory });
    expect([known({ totalMemory_gb: 7 }), known({ totalMemory_gb: 6.9 })]).toEqual([true, false]);
    expect(known({ totalMemory_gb: 1, cardMemory_gb: 6 })).toBe(true);
    expect([known({ totalMemory_gb: 3, cardMemory_gb: 4 }), known({ totalMemory_gb: 2, cardMemory_gb: 4 })]).toEqual([true, false]);
    expect(known({ totalMemory_gb: 5, slots: slots(slotView()) })).toBe(true);
  });

  it("passes what is unknown, and what is in memory", () => {
    expect(fits(0, { totalMemory_gb: 1 })).toBe(true);
    expect(fits(4 * GIB, { totalMemory_gb: 0 })).toBe(true);
    expect(fits(4 * GIB, { totalMemory_gb: 5, slots: slots(slotView()) })).toBe(true);
  });
});

describe("token budget", () => {
  const admits = (change: Partial<ProviderView>, spec: Partial<RequestSpec> = {}) =>
    memoryAdmits(providerView(change), requestSpec({ promptTokens: 500, maxOutputTokens: 500, ...spec }));
  const budget = (change: Parameters<typeof slotView>[0]) => slots(slotView({ tokenBudgetMax: 10_000, ...change }));

  it("admits to the last token", () => {
    expect(admits({ slots: budget({ tokenBudgetUsed: 9_000 }) })).toBe(true);
    expect(admits({ slots: budget({ tokenBudgetUsed: 9_001 }) })).toBe(false);
  });

  it("counts work placed since the report once, not on top of the report", () => {
    expect(admits({ slots: budget({ tokenBudgetUsed: 4_000 }), ...placed(1, 9_000) })).toBe(true);
    expect(admits({ slots: budget({ tokenBudgetUsed: 4_000 }), ...placed(1, 9_001) })).toBe(false);
    expect(admits({ slots: budget({ tokenBudgetUsed: 0, activeTokens: 9_500 }), ...placed(1, 9_500) })).toBe(true);
  });

  it("is one pool for co-resident builds, so that two cannot admit the same memory", () => {
    const shared = slots(slotView({ tokenBudgetMax: 10_000 }), slotView({ build: OTHER_BUILD, tokenBudgetMax: 10_000 }));
    expect(admits({ slots: shared, ...placed(1, 9_000, OTHER_BUILD) })).toBe(true);
    expect(admits({ slots: shared, ...placed(1, 9_001, OTHER_BUILD) })).toBe(false);
  });
});

describe("memory without a token budget", () => {
  const spec = { promptTokens: 0, maxOutputTokens: 1024, kvBytesPerToken: GIB / 1024 };
  /** The request's cache is 1 GiB, the build 10 GiB. */
  const admits = (change: Partial<ProviderView>, specChange: Partial<RequestSpec> = {}) =>
    memoryAdmits(
      providerView({ builds: builds(buildView({ size_bytes: 10 * GIB })), slots: slots(), freeForLoad_gb: undefined, ...change }),
      requestSpec({ ...spec, ...specChange }),
    );
  const unbudgeted = slotView({ tokenBudgetMax: 0, kvBytesPerToken: 0 });

  it("must hold weights, buffers and cache of a build that has to be loaded", () => {
    expect(admits({ freeForLoad_gb: 13 })).toBe(true);
    expect(admits({ freeForLoad_gb: 12.9 })).toBe(false);
    expect(admits({ freeForLoad_gb: 0 })).toBe(false);
  });

  it("needs what the catalogue says of a build that has to be loaded, instead of a guess from its size", () => {
    const memory = { resident_bytes: 10.5 * GIB, minRam_gb: 1, minVram_gb: 1 };
    expect([admits({ freeForLoad_gb: 11.5 }, { memory }), admits({ freeForLoad_gb: 11.4 }, { memory })]).toEqual([true, false]);
    expect([admits({ totalMemory_gb: 15.5 }, { memory }), admits({ totalMemory_gb: 15.4 }, { memory })]).toEqual([true, false]);
  });

  it("is promised once: two builds that have yet to be loaded cannot both have it", () => {
    const both = builds(buildView({ size_bytes: 10 * GIB }), buildView({ build: OTHER_BUILD, size_bytes: 5 * GIB }));
    const loading = { builds: both, ...placed(1, 10, OTHER_BUILD) };
    expect(admits({ ...loading, freeForLoad_gb: 19 })).toBe(true);
    expect(admits({ ...loading, freeForLoad_gb: 18.9 })).toBe(false);
    expect(admits({ ...loading, freeForLoad_gb: 13, slots: slots(slotView({ build: OTHER_BUILD })) })).toBe(true);
    expect(admits({ builds: both, ...placed(1, 10), freeForLoad_gb: 13 })).toBe(true);
    // By what the catalogue says the other one takes, where it says so.
    const memory = { resident_bytes: 5.5 * GIB, minRam_gb: 1, minVram_gb: 1 };
    const known = { builds: both, pending: new Map([[OTHER_BUILD, { requests: 1, tokens: 10, memory }]]), pendingTotal: 1 };
    expect([admits({ ...known, freeForLoad_gb: 18.5 }), admits({ ...known, freeForLoad_gb: 18.4 })]).toEqual([true, false]);
  });

  it("is reckoned from the total, less a reserve, where the machine does not report what is free", () => {
    expect(admits({ totalMemory_gb: 15 })).toBe(true);
    expect(admits({ totalMemory_gb: 14.9 })).toBe(false);
  });

  it("is not freed by putting other builds away while the machine is at work", () => {
    const resident = {
      builds: builds(buildView({ size_bytes: 10 * GIB }), buildView({ build: OTHER_BUILD, size_bytes: 5 * GIB })),
      slots: slots({ ...unbudgeted, build: OTHER_BUILD }),
      totalMemory_gb: 16,
    };
    expect(admits(resident)).toBe(true);
    expect(admits({ ...resident, ...placed(1, 10, OTHER_BUILD) })).toBe(false);
    expect(admits({ ...resident, totalMemory_gb: 20, ...placed(1, 10, OTHER_BUILD) })).toBe(true);
  });

  it("must hold the cache alone for a build in memory", () => {
    expect(admits({ slots: slots(unbudgeted), totalMemory_gb: 11 })).toBe(true);
    expect(admits({ slots: slots(unbudgeted), totalMemory_gb: 10.9 })).toBe(false);
  });

  it("takes the slot's own measure of a token over the catalogue's, and 400,000 bytes where neither knows", () => {
    expect(admits({ slots: slots({ ...unbudgeted, kvBytesPerToken: GIB / 512 }), totalMemory_gb: 11.9 })).toBe(false);
    const unknown = { promptTokens: 0, maxOutputTokens: 2684, kvBytesPerToken: 0 };
    expect(admits({ slots: slots(unbudgeted), totalMemory_gb: 11 }, unknown)).toBe(true);
    expect(admits({ slots: slots(unbudgeted), totalMemory_gb: 11 }, { ...unknown, maxOutputTokens: 2685 })).toBe(false);
  });

  it("admits what is unknown", () => {
    expect(admits({ totalMemory_gb: 0 })).toBe(true);
    expect(admits({ builds: builds(buildView({ size_bytes: 0 })), totalMemory_gb: 1 })).toBe(true);
  });
});
