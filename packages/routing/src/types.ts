import type { SlotState, TrustLevel } from "@umbel/protocol";
import type { DecisionAudit } from "./audit/decision-audit.js";
import type { CostProfile } from "./cost/profile.js";

/**
 * The closed vocabulary of refusals, in the order in which gates run (routing.md §3). The order decides which reason is reported.
 */
export const REFUSAL_REASONS = [
  "not_owned",
  "serial_not_allowed",
  "excluded",
  "not_in_catalog",
  "dedicated_excluded",
  "load_cooldown",
  "error_cooldown",
  "breaker_open",
  "offline_or_untrusted",
  "draining",
  "private_only",
  "trust_below_minimum",
  "runtime_unverified",
  "privacy_unsupported",
  "challenge_stale",
  "template_broken",
  "version_floor",
  "tools_unsupported",
  "vision_unsupported",
  "structured_unsupported",
  "context_too_small",
  "slot_unavailable",
  "concurrency",
  "thermal_critical",
  "model_too_large",
  "capacity",
  "ttft_ceiling",
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** What waiting can change: a structural refusal stays until the machine or request changes, a transient one may clear by itself. */
export type RefusalKind = "request" | "structural" | "transient" | "permanent";

/** One resident model of a provider, frozen. */
export interface SlotView {
  readonly build: string;
  readonly state: SlotState;
  readonly running: number;
  readonly waiting: number;
  readonly maxConcurrency: number;
  readonly activeTokens: number;
  readonly tokenBudgetUsed: number;
  readonly tokenBudgetMax: number;
  readonly observedDecode_tps: number;
  readonly observedPrefill_tps: number;
  readonly modelLoad_ms: number;
  /** Measured size of one token in the cache; absent or 0 is unknown. */
  readonly kvBytesPerToken?: number;
}

/** One advertised build of a provider, frozen. */
export interface BuildView {
  readonly build: string;
  readonly weightHash: string;
  readonly size_bytes: number;
  readonly contextLength_tokens: number;
  readonly tools: boolean;
  readonly vision: boolean;
  /** Whether answers can be held to a JSON schema. */
  readonly structured: boolean;
  readonly templateBroken: boolean;
}

/** Work that the coordinator itself has placed on a provider for one build and that has not ended. */
export interface PendingView {
  readonly requests: number;
  readonly tokens: number;
  /** Prompt tokens of those that have not begun to answer: whatever comes next is read after them. Absent is none. */
  readonly unread_tokens?: number | undefined;
  /**
   * What the slot's figures do not hold: sent since they were taken, or on its way; also of what was given up and has not ended. Absent where the
   * machine does not say which requests its figures hold.
   */
  readonly unreported_requests?: number | undefined;
  readonly unreported_tokens?: number | undefined;
  /** What the catalogue says the build takes, for whoever has to load it; absent where that is not known. */
  readonly memory?: BuildMemory | undefined;
}

/** Everything routing may know of one provider at one instant, frozen: a change makes a new view. */
export interface ProviderView {
  /** Session id: one per connection. */
  readonly id: string;
  /** Stable machine id: thumbprint of the device key. */
  readonly machineId: string;
  readonly accountId: string | undefined;
  readonly version: string;
  readonly computeClass: string;
  readonly online: boolean;
  readonly trusted: boolean;
  readonly draining: boolean;
  readonly privateOnly: boolean;
  readonly trustLevel: TrustLevel;
  /** Whether its program is one that the coordinator accepts; true where the coordinator accepts any. */
  readonly runtimeVerified: boolean;
  /** Whether request keys can be wrapped to it and answers come sealed. */
  readonly sealing: boolean;
  /** Monotonic time of the last passed challenge; undefined if none. */
  readonly challengedAt_ms: number | undefined;
  readonly builds: ReadonlyMap<string, BuildView>;
  /** Undefined until the first heartbeat with capacity. */
  readonly slots: ReadonlyMap<string, SlotView> | undefined;
  readonly totalMemory_gb: number;
  /** Of graphics cards that have their own; absent is none. */
  readonly cardMemory_gb?: number | undefined;
  /** What a load may take, idle builds put away first. */
  readonly freeForLoad_gb: number | undefined;
  /** Builds that may be in memory at once; absent is as many as fit. */
  readonly residentModels_max?: number | undefined;
  /** Whether it loads and puts away builds when told; absent is yes. */
  readonly managed?: boolean | undefined;
  readonly memoryPressure: number;
  readonly cpuUsage: number;
  readonly thermal: "nominal" | "fair" | "serious" | "critical";
  /** From the registration benchmark; 0 is unknown. */
  readonly staticDecode_tps: number;
  readonly staticPrefill_tps: number;
  /** What a speed is guessed from where nothing has measured it; absent or 0 is unknown. */
  readonly memoryBandwidth_gbs?: number | undefined;
  /** By build; absent is none. */
  readonly pending: ReadonlyMap<string, PendingView>;
  readonly pendingTotal: number;
  /** Monotonic time until which a refusal from health memory stands; by build for load cooldowns. */
  readonly loadCooldownUntil_ms: ReadonlyMap<string, number>;
  /** By build and kind of request: see `cooldownKey`. */
  readonly errorCooldownUntil_ms: ReadonlyMap<string, number>;
  readonly breakerOpenUntil_ms: number;
  /** Least share of work that it does not fail, with 95 % confidence; absent while too little is known. */
  readonly reliability?: number | undefined;
  /** Its release fails on many machines at the moment. */
  readonly suspectRelease?: boolean | undefined;
}

/** Where a request's prefix is, or should come to be (routing.md §15). */
export interface Affinity {
  /** The machine that answered the longest known beginning of the prompt last; undefined if none did lately. */
  readonly machineId: string | undefined;
  /** How long that beginning is, estimated. */
  readonly matched_tokens: number;
  /** Requests of one placement prefer one machine among equals, before any of them holds anything. An opaque key: never recorded. */
  readonly placement?: string;
}

/** Memory that a build takes, as its files tell. */
export interface BuildMemory {
  /** In memory: weights and what the computation needs, without any cache. */
  readonly resident_bytes: number;
  /** Of a machine that could just hold it, wholly or partly in ordinary memory; and of a graphics card that could just hold all of it. GiB. */
  readonly minRam_gb: number;
  readonly minVram_gb: number;
  /** Weights that are read for each token, where of experts only some are at work; absent is all. */
  readonly active_bytes?: number;
}

/** What one request needs from a provider. */
export interface RequestSpec {
  readonly requestId: string;
  readonly build: string;
  /** Expected aggregate hash of the build; empty skips the comparison. */
  readonly weightHash: string;
  /** Hashes that do as well for a while, of weights that were replaced lately; absent is none. */
  readonly formerHashes?: ReadonlySet<string>;
  readonly accountId: string;
  readonly promptTokens: number;
  /** Of each answer. */
  readonly maxOutputTokens: number;
  /** How many answers are wanted at once; absent is one. */
  readonly choices?: number;
  readonly needsTools: boolean;
  readonly needsVision: boolean;
  /** Whether the answer must be JSON, or fit a schema; absent is no. */
  readonly needsStructured?: boolean;
  /** Builds that share machines with nothing else, this one among them; absent where the build may be anywhere (routing.md §12.4). */
  readonly dedicated?: ReadonlySet<string>;
  /** Session or machine ids that already failed this request. */
  readonly excluded: ReadonlySet<string>;
  /** Allowed machine ids; undefined is all. */
  readonly allowedMachines: ReadonlySet<string> | undefined;
  readonly route: "public" | "self" | "prefer";
  /** Version of the provider that failed last, avoided when others exist. */
  readonly avoidVersion: string | undefined;
  /** Where the prompt's beginning may be in a cache; absent where nothing is known of it. */
  readonly affinity?: Affinity;
  /** Refuse providers whose estimate is above; undefined is soft. */
  readonly ttftCeiling_ms: number | undefined;
  /** The catalogue's figure for the build; absent or 0 is unknown. Used where no slot has measured it. */
  readonly kvBytesPerToken?: number;
  /** What the catalogue says the build takes; absent where it does not know, and it is reckoned from the size of the files. */
  readonly memory?: BuildMemory;
}

/** Rates observed across the fleet, for machines that have not measured their own. Every function returns 0 for unknown. */
export interface FleetRates {
  /** Median decode rate of the build on a compute class, tokens per second of one stream. */
  decode_tps(build: string, computeClass: string): number;
  /** Usual time to load the build, in milliseconds. */
  load_ms(build: string): number;
}

/** The floor and thresholds an operator sets, and the clock and dice of one decision. */
export interface RoutingContext {
  /** Monotonic milliseconds. */
  readonly now_ms: number;
  readonly random: () => number;
  readonly minTrust: TrustLevel;
  readonly minVersion: string;
  readonly challengeFreshness_ms: number;
  /** Coefficients of the cost; absent is `DEFAULT_COST_PROFILE`. */
  readonly costProfile?: CostProfile;
  /** Absent where nothing has been observed yet. */
  readonly rates?: FleetRates;
}

/** One candidate's cost, term by term, in milliseconds. */
export interface CandidateCost {
  readonly providerId: string;
  readonly total_ms: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly ttft_ms: number | undefined;
}

/** The record of one selection: enough to explain it in words and to replay it. */
export interface Decision {
  readonly winner: CandidateCost | undefined;
  /** Providers considered, refused ones included. */
  readonly considered: number;
  readonly candidates: number;
  /** How many providers each reason refused; reasons that refused none are absent. */
  readonly refusals: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Lowest time-to-first-token estimate among candidates; undefined if any is unknown. */
  readonly bestTtft_ms: number | undefined;
  /** Version of the coefficients used. */
  readonly costProfile: string;
  /** The dice of the tie-break, so that the decision can be replayed. */
  readonly draw: number | undefined;
  /** Candidates that were equal to the last, the winner included: `draw` chose among so many. */
  readonly tied?: number;
  /** Providers whose cost was reckoned; absent is all that no gate refused. */
  readonly visits?: number;
  /** True when the breaker gate was dropped because only it stood in the way (routing.md §6.3). */
  readonly failedOpen: boolean;
  /** What it was made from, for `encodeDecision` and `runnersUp`. Holds on to views. */
  readonly audit?: DecisionAudit;
}
