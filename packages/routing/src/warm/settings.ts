/** What decides when builds are loaded and put away (routing.md §13.3). Thresholds count events; times are milliseconds. */
export interface WarmSettings {
  /** Plans, and keeps what it planned to itself. */
  readonly observeOnly: boolean;
  /** Events that count as pressure, by kind. At least 1. An event counts in full for one half-life, then fades. */
  readonly capacityRejects_min: number;
  readonly ttftMisses_min: number;
  readonly hedgesStarted_min: number;
  readonly hedgesWon_min: number;
  readonly coldDispatches_min: number;
  /** Age of the oldest waiting request from which a queue counts as pressure; 0 is any queue. */
  readonly queueAge_ms_min: number;
  /** Share of resident copies without a free place from which any event at all counts as pressure. */
  readonly saturation_min: number;
  readonly pressureHalfLife_ms: number;
  /** Of the rate at which requests find no warm place. */
  readonly spillHalfLife_ms: number;
  /** Of the rate at which requests are served. */
  readonly servedHalfLife_ms: number;
  /** How long a wish for more stays when the demand behind it fades, and how long a copy that was loaded for it stays. */
  readonly minDwell_ms: number;
  /** Copies beyond what the demand comes to. */
  readonly burst_copies: number;
  /** Tokens of a request before any was served. */
  readonly assumedPrompt_tokens: number;
  readonly assumedCompletion_tokens: number;
  /** Requests at once that a copy is good for, of a machine whose speed nobody knows. */
  readonly fallbackPlaces: number;
  /** Copies to keep whatever the demand, by build. */
  readonly minWarm: ReadonlyMap<string, number>;
  /** Loads in one plan: this many, or `rampFraction` of the copies that are missing if that is more; 0 plans without loading. */
  readonly loadsPerPlan: number;
  readonly loadsPerPlan_max: number;
  readonly rampFraction: number;
  /** Loads under way at once, in the whole fleet; 0 plans without loading. */
  readonly pendingLoads_max: number;
  /** A load that has not ended counts as failed after this time. */
  readonly pendingLoad_ms_max: number;
  /** Rest of a machine or pair after a failure that memory or a drain explains. */
  readonly loadBackoff_ms: number;
  /** Rest of a pair after any other failure. */
  readonly loadCooldown_ms: number;
  /** How much more a load must be worth than what is put away for it. */
  readonly evictionMargin: number;
}

export const WARM_DEFAULTS: WarmSettings = Object.freeze({
  observeOnly: false,
  capacityRejects_min: 1,
  ttftMisses_min: 1,
  hedgesStarted_min: 2,
  hedgesWon_min: 1,
  coldDispatches_min: 1,
  queueAge_ms_min: 0,
  saturation_min: 0.8,
  pressureHalfLife_ms: 60_000,
  spillHalfLife_ms: 30_000,
  servedHalfLife_ms: 60_000,
  minDwell_ms: 300_000,
  burst_copies: 1,
  assumedPrompt_tokens: 512,
  assumedCompletion_tokens: 256,
  fallbackPlaces: 4,
  minWarm: new Map(),
  loadsPerPlan: 4,
  loadsPerPlan_max: 16,
  rampFraction: 0.5,
  pendingLoads_max: 16,
  pendingLoad_ms_max: 120_000,
  loadBackoff_ms: 30_000,
  loadCooldown_ms: 120_000,
  evictionMargin: 1.25,
});

/** Bounds on what one planner looks at and remembers. */
export const WARM_LIMITS = {
  /** Builds with memory of pressure or demand; the one heard of least recently is forgotten first. */
  builds_max: 4096,
  /** Machines that one plan looks at for places for a build. */
  looked_max: 1024,
  /** Machines that could load a build among which one plan chooses. */
  candidates_max: 256,
  /** Of those, the best, for which what would have to be put away is reckoned. */
  weighed_max: 64,
  /** Copies of one build whose speeds make its medians. */
  sampled_max: 256,
  /** Of one request served, in seconds: what is believed of an estimate. */
  service_s_min: 0.5,
  service_s_max: 120,
} as const;
