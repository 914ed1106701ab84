import {
  fromBase64,
  type Heartbeat,
  MANAGED_MODELS_FEATURE,
  type ModelInfo,
  type Register,
  type Slot,
  type TrustLevel,
} from "@umbel/protocol";
import { isResident } from "./admission/residency.js";
import type { BuildView, PendingView, ProviderView, SlotView } from "./types.js";

/** What the coordinator itself knows of a session, beside what the machine says. */
export interface SessionIdentity {
  /** One per connection. */
  readonly sessionId: string;
  /** Thumbprint of the device key: stable over reconnects. */
  readonly machineId: string;
  /** Account of a valid provider token; undefined for an unlinked machine. */
  readonly accountId: string | undefined;
}

const X25519_KEY_BYTES = 32;
const NO_COOLDOWNS: ReadonlyMap<string, number> = new Map();
/** A slot before the machine has reported any figure of it. */
const NOTHING_MEASURED = {
  running: 0,
  waiting: 0,
  maxConcurrency: 0,
  activeTokens: 0,
  tokenBudgetUsed: 0,
  tokenBudgetMax: 0,
  observedDecode_tps: 0,
  observedPrefill_tps: 0,
  modelLoad_ms: 0,
} as const;
const NO_PENDING: ReadonlyMap<string, PendingView> = new Map();

// Messages are parsed by the protocol's schemas, which force every self-reported figure into a sane range (routing.md §1.1).

/**
 * The first view of a machine, from its `register`. It is online but neither trusted nor challenged, so every gate profile
 * refuses it until `withTrust` and `withChallengePassed` say otherwise (protocol.md §1.1: nothing is routable before it has proven its key).
 */
export function providerViewFromRegister(message: Register, session: SessionIdentity): ProviderView {
  return Object.freeze({
    id: session.sessionId,
    machineId: session.machineId,
    accountId: session.accountId,
    version: message.version,
    computeClass: message.hardware.compute_class,
    online: true,
    trusted: false,
    draining: false,
    privateOnly: message.private_only,
    trustLevel: "none" as const,
    runtimeVerified: true,
    sealing: fromBase64(message.encryption_key).length === X25519_KEY_BYTES,
    challengedAt_ms: undefined,
    builds: buildViews(message.models),
    slots: undefined,
    totalMemory_gb: message.hardware.memory_gb,
    cardMemory_gb: cardMemory_gb(message.hardware),
    freeForLoad_gb: undefined,
    managed: message.features.includes(MANAGED_MODELS_FEATURE),
    memoryPressure: 0,
    cpuUsage: 0,
    thermal: "nominal" as const,
    staticDecode_tps: message.decode_tps,
    staticPrefill_tps: message.prefill_tps,
    memoryBandwidth_gbs: message.hardware.memory_bandwidth_gbs,
    pending: NO_PENDING,
    pendingTotal: 0,
    loadCooldownUntil_ms: NO_COOLDOWNS,
    errorCooldownUntil_ms: NO_COOLDOWNS,
    breakerOpenUntil_ms: 0,
  });
}

/** Replaces everything a heartbeat reports. A heartbeat without capacity clears slots and free memory, so that stale ones cannot route. */
export function withHeartbeat(view: ProviderView, heartbeat: Heartbeat): ProviderView {
  const { capacity, system_metrics: metrics } = heartbeat;
  return changed(view, {
    slots: capacity && slotViews(capacity.slots),
    totalMemory_gb: capacity?.total_memory_gb || view.totalMemory_gb,
    freeForLoad_gb: capacity?.free_for_load_gb,
    residentModels_max: capacity?.resident_models_max || Number.POSITIVE_INFINITY,
    memoryPressure: metrics.memory_pressure,
    cpuUsage: metrics.cpu_usage,
    thermal: metrics.thermal_state,
  });
}

/**
 * Adds work that the coordinator has placed: `{ requests: 1, tokens: prompt + largest output, unread_tokens: prompt }` for one reservation, and
 * what the build takes in memory where that is known.
 */
export function withPending(view: ProviderView, build: string, added: PendingView): ProviderView {
  return withPendingOf(view, build, sumOf(view.pending.get(build), added, 1));
}

/** The machine has begun to answer a request: its prompt has been read. Give its tokens as to `withPending`; never goes below zero. */
export function withRead(view: ProviderView, build: string, read_tokens: number): ProviderView {
  const before = view.pending.get(build);
  if (before?.unread_tokens === undefined || read_tokens <= 0) return view;
  return withPendingOf(view, build, sumOf(before, { requests: 0, tokens: 0, unread_tokens: read_tokens }, -1));
}

/** What a slot's figures hold of some requests. */
export interface ReportedWork {
  readonly requests: number;
  readonly tokens: number;
}

/**
 * Takes work away that has ended; give the same figures as to `withPending`. Never goes below zero.
 *
 * @param reported what the machine's last report holds of it, and is taken off the report. Where the machine does not say, it held all of it, most
 *   likely: else a place would look taken until the next heartbeat.
 */
export function withoutPending(view: ProviderView, build: string, ended: PendingView, reported: ReportedWork = ended): ProviderView {
  const before = view.pending.get(build);
  if (!before) return withoutReported(view, build, reported === ended ? NOTHING_REPORTED : reported);
  const { pending, pendingTotal } = pendingWith(view, build, sumOf(before, ended, -1));
  const slot = view.slots?.get(build);
  if (slot === undefined || reported.requests === 0) return changed(view, { pending, pendingTotal });
  return changed(view, { pending, pendingTotal, slots: new Map(view.slots).set(build, slotWithout(slot, reported)) });
}

/** Takes work off a slot's figures that has ended since they were taken. Never goes below zero. */
export function withoutReported(view: ProviderView, build: string, reported: ReportedWork): ProviderView {
  const slot = view.slots?.get(build);
  if (slot === undefined || reported.requests === 0) return view;
  return changed(view, { slots: new Map(view.slots).set(build, slotWithout(slot, reported)) });
}

/**
 * Says what of the pending work the figures of slots do not hold.
 *
 * @param unreported by build; undefined where the machine does not say which requests its figures hold
 */
export function withUnreported(view: ProviderView, unreported: ReadonlyMap<string, ReportedWork> | undefined): ProviderView {
  const pending = new Map<string, PendingView>();
  let isSame = true;
  const put = (build: string, before: PendingView | undefined): void => {
    const figures = unreported === undefined ? undefined : (unreported.get(build) ?? NOTHING_REPORTED);
    const unreported_requests = figures?.requests;
    const unreported_tokens = figures?.tokens;
    const isEqual = before?.unreported_requests === unreported_requests && before?.unreported_tokens === unreported_tokens;
    isSame &&= isEqual;
    const { requests: placed = 0, tokens: placed_tokens = 0, unread_tokens, memory } = before ?? {};
    const work: PendingView =
      isEqual && before
        ? before
        : Object.freeze({ requests: placed, tokens: placed_tokens, unread_tokens, memory, unreported_requests, unreported_tokens });
    if (hasWork(work)) pending.set(build, work);
    else isSame = false;
  };
  for (const [build, work] of view.pending) put(build, work);
  for (const build of unreported?.keys() ?? []) if (!view.pending.has(build)) put(build, undefined);
  return isSame ? view : changed(view, { pending });
}

const NOTHING_REPORTED: ReportedWork = { requests: 0, tokens: 0 };

function slotWithout(slot: SlotView, reported: ReportedWork): SlotView {
  const running = Math.max(0, slot.running - reported.requests);
  const waiting = Math.max(0, slot.waiting - (reported.requests - (slot.running - running)));
  const tokenBudgetUsed = Math.max(0, slot.tokenBudgetUsed - reported.tokens);
  // Field by field, like all slots: what reads them by the million reads objects of one kind.
  return Object.freeze({
    build: slot.build,
    state: slot.state,
    running,
    waiting,
    maxConcurrency: slot.maxConcurrency,
    activeTokens: Math.min(slot.activeTokens, tokenBudgetUsed),
    tokenBudgetUsed,
    tokenBudgetMax: slot.tokenBudgetMax,
    observedDecode_tps: slot.observedDecode_tps,
    observedPrefill_tps: slot.observedPrefill_tps,
    modelLoad_ms: slot.modelLoad_ms,
    kvBytesPerToken: slot.kvBytesPerToken ?? 0,
  });
}

/** What verification of the machine's evidence concluded. `trusted` false makes every profile refuse the machine. */
export function withTrust(view: ProviderView, trust: { readonly trusted: boolean; readonly trustLevel: TrustLevel }): ProviderView {
  return changed(view, { trusted: trust.trusted, trustLevel: trust.trustLevel });
}

/** Records a passed challenge at a monotonic instant; the freshness gate counts from it. */
export function withChallengePassed(view: ProviderView, now_ms: number): ProviderView {
  return changed(view, { challengedAt_ms: now_ms });
}

/** Forgets every passed challenge, after a security failure or repeated silence (routing.md §2.2). */
export function withChallengeRevoked(view: ProviderView): ProviderView {
  return changed(view, { challengedAt_ms: undefined });
}

/**
 * The machine has said that it has loaded the build: it counts as idle from now on, not only from the next report. A machine that has not
 * reported capacity yet stays without.
 */
export function withLoaded(view: ProviderView, build: string): ProviderView {
  if (view.slots === undefined || isResident(view.slots.get(build))) return view;
  const slot: SlotView = Object.freeze({ ...NOTHING_MEASURED, build, state: "idle" });
  return changed(view, { slots: new Map(view.slots).set(build, slot) });
}

/** Replaces what the machine offers: `offered` take the place of their former entries or are added, `dropped` are offered no more. */
export function withModels(view: ProviderView, offered: readonly ModelInfo[], dropped: readonly string[]): ProviderView {
  const builds = new Map(view.builds);
  for (const build of dropped) builds.delete(build);
  for (const model of offered) builds.set(model.id, buildView(model));
  return changed(view, { builds });
}

/** The machine or the coordinator takes no further work on this connection. */
export function withDraining(view: ProviderView, draining: boolean): ProviderView {
  return changed(view, { draining });
}

/** What health memory adds to a view. */
export type ViewedHealth = Pick<ProviderView, "breakerOpenUntil_ms" | "loadCooldownUntil_ms" | "errorCooldownUntil_ms"> & {
  readonly reliability: number | undefined;
};

/** Takes over what is remembered of the machine; the same view when that changes nothing. */
export function withHealth(view: ProviderView, health: ViewedHealth): ProviderView {
  const { reliability, breakerOpenUntil_ms } = health;
  const loadCooldownUntil_ms = kept(view.loadCooldownUntil_ms, health.loadCooldownUntil_ms);
  const errorCooldownUntil_ms = kept(view.errorCooldownUntil_ms, health.errorCooldownUntil_ms);
  const isSame =
    loadCooldownUntil_ms === view.loadCooldownUntil_ms &&
    errorCooldownUntil_ms === view.errorCooldownUntil_ms &&
    breakerOpenUntil_ms === view.breakerOpenUntil_ms &&
    reliability === view.reliability;
  if (isSame) return view;
  return changed(view, {
    breakerOpenUntil_ms,
    loadCooldownUntil_ms,
    errorCooldownUntil_ms,
    reliability,
  });
}

/** Whether the program that the machine runs is one that the coordinator accepts. */
export function withRuntime(view: ProviderView, runtimeVerified: boolean): ProviderView {
  return view.runtimeVerified === runtimeVerified ? view : changed(view, { runtimeVerified });
}

/** Whether the machine's release is under suspicion. */
export function withSuspectRelease(view: ProviderView, suspectRelease: boolean): ProviderView {
  return (view.suspectRelease ?? false) === suspectRelease ? view : changed(view, { suspectRelease });
}

/** The instants before, unless they are others now. */
function kept(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (before.size === 0 && now.size === 0) return before;
  const isSame = before.size === now.size && [...now].every(([key, until_ms]) => before.get(key) === until_ms);
  return isSame ? before : new Map(now);
}

function changed(view: ProviderView, change: Partial<ProviderView>): ProviderView {
  return Object.freeze(Object.assign(copyOf(view), change));
}

/** Field by field: a view changes several times with every request, and of an object of this size that takes a tenth of what `{ ...view }` does. */
function copyOf(view: ProviderView): ProviderView {
  return {
    id: view.id,
    machineId: view.machineId,
    accountId: view.accountId,
    version: view.version,
    computeClass: view.computeClass,
    online: view.online,
    trusted: view.trusted,
    draining: view.draining,
    privateOnly: view.privateOnly,
    trustLevel: view.trustLevel,
    runtimeVerified: view.runtimeVerified,
    sealing: view.sealing,
    challengedAt_ms: view.challengedAt_ms,
    builds: view.builds,
    slots: view.slots,
    totalMemory_gb: view.totalMemory_gb,
    cardMemory_gb: view.cardMemory_gb,
    freeForLoad_gb: view.freeForLoad_gb,
    residentModels_max: view.residentModels_max,
    managed: view.managed,
    memoryPressure: view.memoryPressure,
    cpuUsage: view.cpuUsage,
    thermal: view.thermal,
    staticDecode_tps: view.staticDecode_tps,
    staticPrefill_tps: view.staticPrefill_tps,
    memoryBandwidth_gbs: view.memoryBandwidth_gbs,
    pending: view.pending,
    pendingTotal: view.pendingTotal,
    loadCooldownUntil_ms: view.loadCooldownUntil_ms,
    errorCooldownUntil_ms: view.errorCooldownUntil_ms,
    breakerOpenUntil_ms: view.breakerOpenUntil_ms,
    reliability: view.reliability,
    suspectRelease: view.suspectRelease,
  } satisfies Every<ProviderView>;
}

/** Whether two views of a machine differ in nothing but its work, placed or reported, and what strains it. */
export function isSameButForLoad(a: ProviderView, b: ProviderView): boolean {
  return (
    a.id === b.id &&
    a.machineId === b.machineId &&
    a.accountId === b.accountId &&
    a.version === b.version &&
    a.computeClass === b.computeClass &&
    a.online === b.online &&
    a.trusted === b.trusted &&
    a.draining === b.draining &&
    a.privateOnly === b.privateOnly &&
    a.trustLevel === b.trustLevel &&
    a.runtimeVerified === b.runtimeVerified &&
    a.sealing === b.sealing &&
    a.challengedAt_ms === b.challengedAt_ms &&
    a.builds === b.builds &&
    a.totalMemory_gb === b.totalMemory_gb &&
    a.cardMemory_gb === b.cardMemory_gb &&
    a.residentModels_max === b.residentModels_max &&
    a.managed === b.managed &&
    a.thermal === b.thermal &&
    a.staticDecode_tps === b.staticDecode_tps &&
    a.staticPrefill_tps === b.staticPrefill_tps &&
    a.memoryBandwidth_gbs === b.memoryBandwidth_gbs &&
    a.loadCooldownUntil_ms === b.loadCooldownUntil_ms &&
    a.errorCooldownUntil_ms === b.errorCooldownUntil_ms &&
    a.breakerOpenUntil_ms === b.breakerOpenUntil_ms &&
    a.suspectRelease === b.suspectRelease
  );
}

/** So that a field that is added cannot be left out of a copy. */
type Every<Fields> = { readonly [Field in keyof Required<Fields>]: Fields[Field] };

function sumOf(before: PendingView | undefined, change: PendingView, sign: 1 | -1): PendingView {
  const sum = (was: number | undefined, by: number | undefined): number => Math.max(0, (was ?? 0) + sign * (by ?? 0));
  const isReconciled = before?.unreported_requests !== undefined || change.unreported_requests !== undefined;
  return Object.freeze({
    requests: sum(before?.requests, change.requests),
    tokens: sum(before?.tokens, change.tokens),
    unread_tokens: sum(before?.unread_tokens, change.unread_tokens) || undefined,
    unreported_requests: isReconciled ? sum(before?.unreported_requests, change.unreported_requests) : undefined,
    unreported_tokens: isReconciled ? sum(before?.unreported_tokens, change.unreported_tokens) : undefined,
    memory: change.memory ?? before?.memory,
  });
}

function hasWork({ requests, unreported_requests = 0 }: PendingView): boolean {
  return requests > 0 || unreported_requests > 0;
}

function withPendingOf(view: ProviderView, build: string, work: PendingView): ProviderView {
  return changed(view, pendingWith(view, build, work));
}

function pendingWith(view: ProviderView, build: string, work: PendingView): Pick<ProviderView, "pending" | "pendingTotal"> {
  const pending = new Map(view.pending);
  if (hasWork(work)) pending.set(build, work);
  else pending.delete(build);
  let pendingTotal = 0;
  for (const { requests } of pending.values()) pendingTotal += requests;
  return { pending, pendingTotal };
}

/** A card of Apple's shares the machine's memory. */
function cardMemory_gb({ gpus }: Register["hardware"]): number | undefined {
  const sum_gb = gpus.reduce((sum, { api, vram_gb }) => (api === "metal" ? sum : sum + vram_gb), 0);
  return sum_gb > 0 ? sum_gb : undefined;
}

function buildViews(models: readonly ModelInfo[]): ReadonlyMap<string, BuildView> {
  return new Map(models.map((model) => [model.id, buildView(model)]));
}

function buildView(model: ModelInfo): BuildView {
  return Object.freeze({
    build: model.id,
    weightHash: model.weight_hash,
    size_bytes: model.size_bytes,
    contextLength_tokens: model.context_length,
    tools: model.capabilities.includes("tools"),
    vision: model.capabilities.includes("vision"),
    structured: model.capabilities.includes("json"),
    templateBroken: model.template_render_ok === false,
  });
}

function slotViews(slots: readonly Slot[]): ReadonlyMap<string, SlotView> {
  return new Map(slots.map((slot) => [slot.model, slotView(slot)]));
}

function slotView(slot: Slot): SlotView {
  return Object.freeze({
    build: slot.model,
    state: slot.state,
    running: slot.num_running,
    waiting: slot.num_waiting,
    maxConcurrency: slot.max_concurrency,
    activeTokens: slot.active_tokens,
    tokenBudgetUsed: slot.token_budget_used,
    tokenBudgetMax: slot.token_budget_max,
    observedDecode_tps: slot.observed_decode_tps ?? 0,
    observedPrefill_tps: slot.observed_prefill_tps ?? 0,
    modelLoad_ms: slot.model_load_time_ms ?? 0,
    kvBytesPerToken: slot.kv_bytes_per_token ?? 0,
  });
}
