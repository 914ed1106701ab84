import { type CostProfile, DEFAULT_COST_PROFILE } from "../cost/profile.js";
import { seededRandom } from "../random.js";
import type { BuildView, ProviderView, RequestSpec, RoutingContext, SlotView } from "../types.js";

export const BUILD = "sprout-3m-q8_0";
export const OTHER_BUILD = "oak-7b-q4_k_m";
export const WEIGHT_HASH = "ab".repeat(32);
export const NOW_MS = 1_000_000;
const GIB = 2 ** 30;

/** Coefficients whose sums are easy to follow: each term counts for what it is, with the figures of routing.md §5 and §6. */
export const PLAIN_COST_PROFILE: CostProfile = Object.freeze({
  ...DEFAULT_COST_PROFILE,
  version: "plain",
  stateWeight: 1,
  unreadWeight: 1,
  backlogWeight: 1,
  decodeWeight: 1,
  queued_ms: 3_000,
  pending_ms: 750,
  nearTie_ms: 3_000,
});

/** A build of 1 GiB that can do everything. */
export function buildView(change: Partial<BuildView> = {}): BuildView {
  return {
    build: BUILD,
    weightHash: WEIGHT_HASH,
    size_bytes: GIB,
    contextLength_tokens: 8192,
    tools: true,
    vision: true,
    structured: true,
    templateBroken: false,
    ...change,
  };
}

/** A resident, idle slot with eight places and room for 100,000 tokens, measured at 50 and 1,000 tokens per second. */
export function slotView(change: Partial<SlotView> = {}): SlotView {
  return {
    build: BUILD,
    state: "idle",
    running: 0,
    waiting: 0,
    maxConcurrency: 8,
    activeTokens: 0,
    tokenBudgetUsed: 0,
    tokenBudgetMax: 100_000,
    observedDecode_tps: 50,
    observedPrefill_tps: 1000,
    modelLoad_ms: 0,
    ...change,
  };
}

export function slots(...views: SlotView[]): ReadonlyMap<string, SlotView> {
  return new Map(views.map((view) => [view.build, view]));
}

export function builds(...views: BuildView[]): ReadonlyMap<string, BuildView> {
  return new Map(views.map((view) => [view.build, view]));
}

/** A machine that passes every gate for `requestSpec()`. */
export function providerView(change: Partial<ProviderView> = {}): ProviderView {
  const id = change.id ?? "session-1";
  return {
    id,
    machineId: `machine-of-${id}`,
    accountId: "account-provider",
    version: "1.2.0",
    computeClass: "cpu-avx2",
    online: true,
    trusted: true,
    draining: false,
    privateOnly: false,
    trustLevel: "self_signed",
    runtimeVerified: true,
    sealing: true,
    challengedAt_ms: NOW_MS - 1000,
    builds: builds(buildView()),
    slots: slots(slotView()),
    totalMemory_gb: 32,
    freeForLoad_gb: 16,
    memoryPressure: 0,
    cpuUsage: 0,
    thermal: "nominal",
    staticDecode_tps: 100,
    staticPrefill_tps: 2000,
    pending: new Map(),
    pendingTotal: 0,
    loadCooldownUntil_ms: new Map(),
    errorCooldownUntil_ms: new Map(),
    breakerOpenUntil_ms: 0,
    ...change,
  };
}

/** A public request of 100 prompt tokens and at most 100 output tokens that needs nothing special. */
export function requestSpec(change: Partial<RequestSpec> = {}): RequestSpec {
  return {
    requestId: "0f8fad5b-d9cb-469f-a165-70867728950e",
    build: BUILD,
    weightHash: WEIGHT_HASH,
    accountId: "account-consumer",
    promptTokens: 100,
    maxOutputTokens: 100,
    needsTools: false,
    needsVision: false,
    excluded: new Set(),
    allowedMachines: undefined,
    route: "public",
    avoidVersion: undefined,
    ttftCeiling_ms: undefined,
    ...change,
  };
}

export function routingContext(change: Partial<RoutingContext> = {}): RoutingContext {
  return {
    now_ms: NOW_MS,
    random: seededRandom(1),
    minTrust: "self_signed",
    minVersion: "1.0.0",
    challengeFreshness_ms: 960_000,
    costProfile: PLAIN_COST_PROFILE,
    ...change,
  };
}
