import { countsByName, decimal, flag, wholeNumber } from "../forms.js";
import { pressure, setting, wait } from "./setting.js";

/** When models are loaded before anybody waits for them. */
export const warmPoolSettings = {
  warmPool: setting(flag, {
    env: "UMBEL_WARM_POOL_ENABLED",
    default: "true",
    about: "Whether machines are told to load models ahead of requests.",
  }),
  warmPoolObserveOnly: setting(flag, {
    env: "UMBEL_WARM_POOL_OBSERVE_ONLY",
    default: "false",
    about: "Whether that is only planned, logged and counted.",
  }),
  warmPoolInterval_ms: wait("UMBEL_WARM_POOL_INTERVAL", "10s", "Time between two plans; pressure brings the next one forward."),
  warmPoolMinDwell_ms: wait(
    "UMBEL_WARM_POOL_MIN_DWELL",
    "5m",
    "How long a wish for more copies stands, and a copy that was loaded for it stays.",
    0,
  ),
  warmPoolQueueAge_ms: wait("UMBEL_WARM_POOL_QUEUE_AGE_THRESHOLD", "0", "Age of the oldest waiting request that counts as pressure.", 0),
  warmPoolCapacityRejects: pressure("UMBEL_WARM_POOL_CAPACITY_REJECT_THRESHOLD", "1", "Requests of late that found every place taken"),
  warmPoolTtftMisses: pressure("UMBEL_WARM_POOL_TTFT_MISS_THRESHOLD", "1", "First tokens of late that came too late"),
  warmPoolHedgesStarted: pressure("UMBEL_WARM_POOL_SPECULATIVE_START_THRESHOLD", "2", "Requests of late sent to a second machine"),
  warmPoolHedgesWon: pressure("UMBEL_WARM_POOL_SPECULATIVE_WIN_THRESHOLD", "1", "Second machines of late that were faster"),
  warmPoolColdDispatches: pressure("UMBEL_WARM_POOL_COLD_DISPATCH_THRESHOLD", "1", "Requests of late that waited for a load"),
  warmPoolSaturation: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_WARM_POOL_WARM_SATURATION_THRESHOLD",
    default: "0.8",
    about: "Share of copies without a free place from which any such event counts as pressure.",
  }),
  warmPoolBurst_copies: setting(wholeNumber({ least: 0, most: 1_000 }), {
    env: "UMBEL_WARM_POOL_BURST_BUFFER",
    default: "1",
    about: "Copies beyond what the demand comes to.",
  }),
  warmPoolFallbackPlaces: setting(wholeNumber({ least: 1, most: 1_000 }), {
    env: "UMBEL_WARM_POOL_FALLBACK_QUALITY_CONCURRENCY",
    default: "4",
    about: "Requests at once that a copy is reckoned with on a machine of unknown speed.",
  }),
  warmPoolPrompt_tokens: setting(wholeNumber({ least: 0, most: 10_000_000 }), {
    env: "UMBEL_WARM_POOL_ASSUMED_PROMPT_TOKENS",
    default: "512",
    about: "Prompt of a request of a build that has served none yet.",
  }),
  warmPoolCompletion_tokens: setting(wholeNumber({ least: 0, most: 10_000_000 }), {
    env: "UMBEL_WARM_POOL_ASSUMED_COMPLETION_TOKENS",
    default: "256",
    about: "Answer of such a request.",
  }),
  warmPoolMinWarm: setting(countsByName({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MIN_WARM",
    default: "",
    about: "Copies to keep in memory whatever the demand, as `build=number`, comma-separated.",
  }),
  warmPoolLoadsPerPlan: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MAX_LOADS_PER_TICK",
    default: "4",
    about: "Loads of one plan, more if many copies are missing; 0 plans without loading.",
  }),
  warmPoolLoadsPerPlan_max: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MAX_LOADS_PER_TICK_CEILING",
    default: "16",
    about: "Loads of one plan however many are missing.",
  }),
  warmPoolRampFraction: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_WARM_POOL_RAMP_GAP_FRACTION",
    default: "0.5",
    about: "Share of the missing copies that one plan may load.",
  }),
  warmPoolPendingLoads_max: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MAX_GLOBAL_PENDING_LOADS",
    default: "16",
    about: "Loads under way at once in the whole network; 0 plans without loading.",
  }),
} as const;
