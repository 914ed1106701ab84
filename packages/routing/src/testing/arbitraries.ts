import fc from "fast-check";
import type { Affinity, BuildMemory, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { BUILD, builds, buildView, NOW_MS, OTHER_BUILD, providerView, requestSpec, routingContext, slots, slotView } from "./fixtures.js";

/** Mostly the first value, so that a fleet has machines that pass as well as every kind that does not. */
function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });
}

/** One set, as a catalogue has: whoever reads a request again is to find the same. */
const DEDICATED: ReadonlySet<string> = new Set([BUILD]);

const trustLevel = mostly("self_signed" as const, "none" as const, "hardware" as const);
const instant = mostly(0, NOW_MS - 1, NOW_MS, NOW_MS + 1, NOW_MS + 60_000);

const build = fc
  .record({
    build: mostly(BUILD, OTHER_BUILD),
    weightHash: mostly(buildView().weightHash, "", "cd".repeat(32)),
    size_bytes: mostly(2 ** 30, 0, 2 ** 36),
    contextLength_tokens: mostly(8192, 0, 100),
    tools: mostly(true, false),
    vision: mostly(true, false),
    structured: mostly(true, false),
    templateBroken: mostly(false, true),
  })
  .map(buildView);

const slot = fc
  .record({
    build: mostly(BUILD, OTHER_BUILD),
    state: mostly(
      "idle" as const,
      "running" as const,
      "idle_shutdown" as const,
      "crashed" as const,
      "reloading" as const,
      "unknown" as const,
    ),
    running: mostly(0, 1, 5),
    waiting: mostly(0, 3),
    maxConcurrency: mostly(8, 0, 1),
    activeTokens: mostly(0, 500),
    tokenBudgetUsed: mostly(0, 900, 100_000),
    tokenBudgetMax: mostly(100_000, 0, 1_000),
    observedDecode_tps: mostly(50, 0, 5, 400),
    observedPrefill_tps: mostly(1000, 0, 10),
    modelLoad_ms: mostly(0, 4_000),
  })
  .map(slotView);

const placed = { requests: fc.integer({ min: 1, max: 6 }), tokens: fc.nat(5000) };
const unreported = { unreported_requests: fc.nat(6), unreported_tokens: fc.nat(5000) };
const pending = fc.dictionary(mostly(BUILD, OTHER_BUILD), fc.oneof(fc.record(placed), fc.record({ ...placed, ...unreported })), {
  maxKeys: 2,
});

const provider: fc.Arbitrary<Partial<ProviderView>> = fc
  .record({
    accountId: mostly<string | undefined>("account-provider", "account-consumer", undefined),
    version: mostly("1.2.0", "1.1.0", "0.9.0", ""),
    online: mostly(true, false),
    trusted: mostly(true, false),
    draining: mostly(false, true),
    privateOnly: mostly(false, true),
    trustLevel,
    runtimeVerified: mostly(true, false),
    sealing: mostly(true, false),
    challengedAt_ms: mostly<number | undefined>(NOW_MS, undefined, 0),
    builds: fc.array(build, { minLength: 1, maxLength: 2 }).map((views) => builds(...views)),
    slots: fc.option(
      fc.array(slot, { maxLength: 2 }).map((views) => slots(...views)),
      { nil: undefined, freq: 8 },
    ),
    totalMemory_gb: mostly(32, 0, 1, 128),
    freeForLoad_gb: mostly<number | undefined>(16, undefined, 0),
    memoryPressure: mostly(0, 0.5, 1),
    thermal: mostly("nominal" as const, "fair" as const, "serious" as const, "critical" as const),
    staticDecode_tps: mostly(100, 0, 10),
    work: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: pending }),
    loadCooldown_ms: instant,
    errorCooldown_ms: instant,
    errorShape: fc.constantFrom("base", "tools"),
    health: mostly<Pick<ProviderView, "reliability" | "suspectRelease">>({}, { reliability: 0.5 }, { suspectRelease: true }),
    breakerOpenUntil_ms: fc.constantFrom(0, NOW_MS, NOW_MS + 1),
  })
  .map(({ work, loadCooldown_ms, errorCooldown_ms, errorShape, health, ...view }) => ({
    ...view,
    ...health,
    pending: new Map(Object.entries(work)),
    pendingTotal: Object.values(work).reduce((sum, { requests }) => sum + requests, 0),
    errorCooldownUntil_ms: new Map(errorCooldown_ms === 0 ? [] : [[`${errorShape} ${BUILD}`, errorCooldown_ms]]),
    loadCooldownUntil_ms: new Map(loadCooldown_ms === 0 ? [] : [[BUILD, loadCooldown_ms]]),
  }));

/** Up to twelve machines, most of which could serve. */
export const fleet: fc.Arbitrary<readonly ProviderView[]> = fc
  .array(provider, { maxLength: 12 })
  .map((views) => views.map((view, index) => providerView({ ...view, id: `session-${index}` })));

export const spec: fc.Arbitrary<RequestSpec> = fc
  .record({
    promptTokens: fc.constantFrom(-1, 0, 100, 5000),
    maxOutputTokens: fc.constantFrom(0, 100, 4000),
    weightHash: mostly(requestSpec().weightHash, ""),
    needsTools: mostly(false, true),
    needsVision: mostly(false, true),
    needsStructured: mostly(false, true),
    dedicated: mostly<ReadonlySet<string> | undefined>(undefined, DEDICATED),
    excluded: mostly<ReadonlySet<string>>(new Set(), new Set(["session-0", "machine-of-session-1"])),
    allowedMachines: mostly<ReadonlySet<string> | undefined>(undefined, new Set(["machine-of-session-0", "machine-of-session-2"])),
    route: mostly("public" as const, "self" as const, "prefer" as const),
    avoidVersion: mostly<string | undefined>(undefined, "1.2.0"),
    ttftCeiling_ms: mostly<number | undefined>(undefined, 150, 5_000),
    memory: mostly<BuildMemory | undefined>(
      undefined,
      { resident_bytes: 2 ** 30, minRam_gb: 2, minVram_gb: 1 },
      { resident_bytes: 2 ** 30, minRam_gb: 2, minVram_gb: 1, active_bytes: 2 ** 27 },
      { resident_bytes: 2 ** 40, minRam_gb: 1e6, minVram_gb: 1e6 },
    ),
    affinity: mostly<Affinity | undefined>(
      undefined,
      { machineId: "machine-of-session-0", matched_tokens: 80 },
      { machineId: "machine-of-session-0", matched_tokens: 4_000, placement: "a" },
      { machineId: undefined, matched_tokens: 0, placement: "b" },
    ),
  })
  .map(({ affinity, dedicated, memory, ...spec }) =>
    requestSpec({ ...spec, ...(affinity && { affinity }), ...(dedicated && { dedicated }), ...(memory && { memory }) }),
  );

export const context: fc.Arbitrary<Omit<RoutingContext, "random">> = fc
  .record({ minTrust: trustLevel, minVersion: mostly("1.0.0", "", "9.9.9") })
  .map(routingContext);
