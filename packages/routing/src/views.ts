import { fromBase64, type Heartbeat, type ModelInfo, type Register, type Slot, type TrustLevel } from "@umbel/protocol";
import { clamped, clampedCount, measuredOrUnknown, REPORT_LIMITS, reportedOrAbsent } from "./report-limits.js";
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
const NO_LOAD_COOLDOWNS: ReadonlyMap<string, number> = new Map();
const NO_PENDING: ReadonlyMap<string, PendingView> = new Map();

/**
 * The first view of a machine, from its sanitised `register`. It is online but neither trusted nor challenged, so every gate profile
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
    sealing: isEncryptionKey(message.encryption_key),
    challengedAt_ms: undefined,
    builds: buildViews(message.models),
    slots: undefined,
    totalMemory_gb: clamped(message.hardware.memory_gb, REPORT_LIMITS.memory_gb_max),
    freeForLoad_gb: undefined,
    memoryPressure: 0,
    cpuUsage: 0,
    thermal: "nominal" as const,
    staticDecode_tps: clamped(message.decode_tps, REPORT_LIMITS.decode_tps_max),
    staticPrefill_tps: clamped(message.prefill_tps, REPORT_LIMITS.prefill_tps_max),
    pending: NO_PENDING,
    pendingTotal: 0,
    loadCooldownUntil_ms: NO_LOAD_COOLDOWNS,
    breakerOpenUntil_ms: 0,
  });
}

/** Replaces everything a heartbeat reports. A heartbeat without capacity clears slots and free memory, so that stale ones cannot route. */
export function withHeartbeat(view: ProviderView, heartbeat: Heartbeat): ProviderView {
  const { capacity, system_metrics: metrics } = heartbeat;
  const totalMemory_gb = clamped(capacity?.total_memory_gb ?? 0, REPORT_LIMITS.memory_gb_max);
  return changed(view, {
    slots: capacity && slotViews(capacity.slots),
    totalMemory_gb: totalMemory_gb > 0 ? totalMemory_gb : view.totalMemory_gb,
    freeForLoad_gb: reportedOrAbsent(capacity?.free_for_load_gb, REPORT_LIMITS.memory_gb_max),
    memoryPressure: clamped(metrics.memory_pressure, 1),
    cpuUsage: clamped(metrics.cpu_usage, 1),
    thermal: metrics.thermal_state,
  });
}

/** Adds work that the coordinator has placed: `{ requests: 1, tokens: prompt + largest output }` for one reservation. */
export function withPending(view: ProviderView, build: string, added: PendingView): ProviderView {
  const before = view.pending.get(build);
  return withPendingOf(view, build, (before?.requests ?? 0) + added.requests, (before?.tokens ?? 0) + added.tokens);
}

/** Takes work away that has ended; give the same figures as to `withPending`. Never goes below zero. */
export function withoutPending(view: ProviderView, build: string, ended: PendingView): ProviderView {
  const before = view.pending.get(build);
  if (!before) return view;
  return withPendingOf(view, build, Math.max(0, before.requests - ended.requests), Math.max(0, before.tokens - ended.tokens));
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

/** The machine or the coordinator takes no further work on this connection. */
export function withDraining(view: ProviderView, draining: boolean): ProviderView {
  return changed(view, { draining });
}

export function withOnline(view: ProviderView, online: boolean): ProviderView {
  return changed(view, { online });
}

/** Links the session to an account, or unlinks it. */
export function withAccount(view: ProviderView, accountId: string | undefined): ProviderView {
  return changed(view, { accountId });
}

/** Refuses the pair of machine and build until a monotonic instant, after a failed load. */
export function withLoadCooldown(view: ProviderView, build: string, until_ms: number): ProviderView {
  return changed(view, { loadCooldownUntil_ms: new Map(view.loadCooldownUntil_ms).set(build, until_ms) });
}

export function withoutLoadCooldown(view: ProviderView, build: string): ProviderView {
  if (!view.loadCooldownUntil_ms.has(build)) return view;
  const cooldowns = new Map(view.loadCooldownUntil_ms);
  cooldowns.delete(build);
  return changed(view, { loadCooldownUntil_ms: cooldowns });
}

/** Refuses the machine until a monotonic instant; 0 closes the breaker. Give `nodeBreakerRefusesUntil_ms(state)`. */
export function withBreaker(view: ProviderView, openUntil_ms: number): ProviderView {
  return changed(view, { breakerOpenUntil_ms: openUntil_ms });
}

function changed(view: ProviderView, change: Partial<ProviderView>): ProviderView {
  return Object.freeze({ ...view, ...change });
}

function withPendingOf(view: ProviderView, build: string, requests: number, tokens: number): ProviderView {
  const pending = new Map(view.pending);
  if (requests > 0) pending.set(build, Object.freeze({ requests, tokens }));
  else pending.delete(build);
  let pendingTotal = 0;
  for (const work of pending.values()) pendingTotal += work.requests;
  return changed(view, { pending, pendingTotal });
}

function isEncryptionKey(base64: string): boolean {
  try {
    return fromBase64(base64).length === X25519_KEY_BYTES;
  } catch {
    return false;
  }
}

function buildViews(models: readonly ModelInfo[]): ReadonlyMap<string, BuildView> {
  return new Map(models.slice(0, REPORT_LIMITS.builds_max).map((model) => [model.id, buildView(model)]));
}

function buildView(model: ModelInfo): BuildView {
  return Object.freeze({
    build: model.id,
    weightHash: model.weight_hash,
    size_bytes: clamped(model.size_bytes, Number.MAX_SAFE_INTEGER),
    contextLength_tokens: clampedCount(model.context_length, REPORT_LIMITS.tokens_max),
    tools: model.capabilities.includes("tools"),
    vision: model.capabilities.includes("vision"),
    templateBroken: model.template_render_ok === false,
  });
}

function slotViews(slots: readonly Slot[]): ReadonlyMap<string, SlotView> {
  return new Map(slots.slice(0, REPORT_LIMITS.slots_max).map((slot) => [slot.model, slotView(slot)]));
}

function slotView(slot: Slot): SlotView {
  return Object.freeze({
    build: slot.model,
    state: slot.state,
    running: clampedCount(slot.num_running, REPORT_LIMITS.requests_max),
    waiting: clampedCount(slot.num_waiting, REPORT_LIMITS.requests_max),
    maxConcurrency: clampedCount(slot.max_concurrency, REPORT_LIMITS.concurrency_max),
    activeTokens: clampedCount(slot.active_tokens, REPORT_LIMITS.activeTokens_max),
    tokenBudgetUsed: clampedCount(slot.token_budget_used, REPORT_LIMITS.tokens_max),
    tokenBudgetMax: clampedCount(slot.token_budget_max, REPORT_LIMITS.tokens_max),
    observedDecode_tps: clamped(slot.observed_decode_tps ?? 0, REPORT_LIMITS.decode_tps_max),
    observedPrefill_tps: measuredOrUnknown(slot.observed_prefill_tps ?? 0, REPORT_LIMITS.prefill_tps_max),
    modelLoad_ms: clamped(slot.model_load_time_ms ?? 0, REPORT_LIMITS.modelLoad_ms_max),
    kvBytesPerToken: clampedCount(slot.kv_bytes_per_token ?? 0, REPORT_LIMITS.kvBytesPerToken_max),
  });
}
