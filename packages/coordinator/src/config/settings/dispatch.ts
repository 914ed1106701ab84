import { SELF_REPORTED_MAX } from "@umbel/protocol";
import { ATTEMPTS_MAX } from "@umbel/routing";
import {
  coefficients,
  countsByName,
  decimal,
  decimalsByName,
  durationsByName,
  failureLimits,
  flag,
  list,
  oneOf,
  text,
  wholeNumber,
} from "../forms.js";
import { HOUR_ms, setting, wait } from "./setting.js";

/** How requests are routed, how long is waited, and what is believed of machines. */
export const dispatchSettings = {
  rejectModels: setting(list(text), {
    env: "UMBEL_REJECT_MODELS",
    default: "",
    about: "Models (aliases or builds) that are refused with 429 for now.",
  }),
  servabilityGate: setting(flag, {
    env: "UMBEL_SERVABILITY_GATE",
    default: "true",
    about: "Whether a request that is by estimate more than a tenth longer than the model's context is refused before a machine counts it.",
  }),
  promptCalibration: setting(decimalsByName({ least: 1, most: 10 }), {
    env: "UMBEL_PROMPT_CALIBRATION",
    default: "gpt-oss=1.3",
    about:
      "How many times as many tokens as estimated prompts take of models whose family or id has such a name in it, as `name=factor`, comma-separated; for that refusal only.",
  }),
  queueBeforeShed: setting(flag, {
    env: "UMBEL_QUEUE_BEFORE_SHED",
    default: "true",
    about: "Whether a request waits for capacity when all machines of its model are busy; else it is refused with 429 at once.",
  }),
  coldDispatch: setting(flag, {
    env: "UMBEL_COLD_DISPATCH",
    default: "true",
    about: "Whether a request goes to a machine that must load its model first when none has it in memory; else it is refused with 503.",
  }),
  ttftHardReject: setting(flag, {
    env: "UMBEL_TTFT_HARD_REJECT",
    default: "false",
    about:
      "Whether a request is refused with 429 when no machine is expected to begin its answer in the time below, time in line included.",
  }),
  firstContentBase_ms: wait("UMBEL_FIRST_CONTENT_BASE", "5s", "Fixed part of the time a provider has for its first content."),
  firstContentPerToken_ms: setting(decimal({ least: 0, most: 1_000 }), {
    env: "UMBEL_FIRST_CONTENT_PER_TOKEN_MS",
    default: "1",
    about: "Part of that time per estimated prompt token, in milliseconds.",
  }),
  loadingExtension_ms: wait("UMBEL_LOADING_EXTENSION", "3m", "Time a provider that reports `loading` has for its first content instead."),
  loadingSilence_ms: wait("UMBEL_LOADING_SILENCE", "90s", "Time a provider that reports `loading` may go without news of its progress."),
  hedging: setting(oneOf(["on", "off"]), {
    env: "UMBEL_HEDGING",
    default: "on",
    about: "Whether a second provider is asked when the first is late.",
  }),
  hedgeShare: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_HEDGE_SHARE",
    default: "0.05",
    about: "Share of a build's requests for which a second provider may be asked.",
  }),
  attempts_max: setting(wholeNumber({ least: 1, most: ATTEMPTS_MAX }), {
    env: "UMBEL_ATTEMPTS_MAX",
    default: String(ATTEMPTS_MAX),
    about: "Providers that one request is sent to at most, second ones included.",
  }),
  failures_max: setting(failureLimits({ least: 1, most: ATTEMPTS_MAX }), {
    env: "UMBEL_FAILURES_MAX",
    default: "",
    about:
      "After how many failures of a kind a request is given up, where that is not what docs/routing.md says, as `timeout=4,engine_crash=3`; two providers that are asked at the same time and are both late are one `timeout`.",
  }),
  contentBudget_ms: wait("UMBEL_CONTENT_BUDGET", "2m", "Time all attempts of one request have for the first content, loading apart."),
  idleTimeout_ms: wait("UMBEL_IDLE_TIMEOUT", "10m", "Longest pause inside an answer."),
  queueSize: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_QUEUE_SIZE",
    default: "10",
    about: "Requests that may wait for capacity of one build; twice its places, if that is more.",
  }),
  queueSizes: setting(countsByName({ least: 0, most: 100_000 }), {
    env: "UMBEL_QUEUE_SIZES",
    default: "",
    about: "The same for single builds, as `build=number`, comma-separated: exactly so many, however many places there are.",
  }),
  queueWait_ms: wait("UMBEL_QUEUE_WAIT", "2m", "How long a request waits for capacity."),
  queueWaits_ms: setting(durationsByName({ least_ms: 1, most_ms: 24 * HOUR_ms }), {
    env: "UMBEL_QUEUE_WAITS",
    default: "",
    about: "The same for single builds, as `build=duration`, comma-separated.",
  }),
  affinityTtl_ms: wait(
    "UMBEL_CACHE_AFFINITY_TTL",
    "10m",
    "How long a machine is expected to keep the prefix of a prompt that it answered.",
  ),
  affinityBonus_ms: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_CACHE_AFFINITY_BONUS_MS",
    default: "10000",
    about: "Most that a machine is preferred for holding a prompt's beginning, in milliseconds of reading spared; 0 switches it off.",
  }),
  costCoefficients: setting(coefficients, {
    env: "UMBEL_COST_COEFFICIENTS",
    default: "",
    about:
      "Coefficients by which machines are compared that differ from the built-in ones, as `coldLoad_ms=12000,decodeFloor_tps=10`; see docs/routing.md.",
  }),
  settleGrace_ms: wait("UMBEL_SETTLE_GRACE", "30s", "How long a provider has to account for an answer whose consumer has left."),
  drainGrace_ms: wait("UMBEL_DRAIN_GRACE", "10m", "How long a shutdown waits for requests in flight; 0 does not wait.", 0),

  anomalyInterval_ms: wait(
    "UMBEL_THROUGHPUT_ANOMALY_INTERVAL",
    "5m",
    "Time between two looks for machines that write far slower than their memory allows; 0 is off.",
    0,
  ),
  anomalyRatio: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_THROUGHPUT_ANOMALY_RATIO",
    default: "0.35",
    about: "Share of the expected rate below which the median of a compute class is reported.",
  }),
  anomalySamples: setting(wholeNumber({ least: 1, most: 100_000 }), {
    env: "UMBEL_THROUGHPUT_ANOMALY_MIN_SAMPLES",
    default: "3",
    about: "Machines of the class that must have measured themselves.",
  }),
  anomalyEfficiency: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_THROUGHPUT_ANOMALY_EFFICIENCY",
    default: "0.8",
    about: "Share of a memory's bandwidth that writing tokens is expected to use.",
  }),

  believedDecode_tps: setting(wholeNumber({ least: 1, most: SELF_REPORTED_MAX.decode_tps }), {
    env: "UMBEL_BELIEVED_DECODE_TPS",
    default: "10000",
    about: "Most tokens per second of one answer that a machine's own word is believed for; a higher figure counts as this.",
  }),
  believedPrefill_tps: setting(wholeNumber({ least: 1, most: SELF_REPORTED_MAX.prefill_tps }), {
    env: "UMBEL_BELIEVED_PREFILL_TPS",
    default: "200000",
    about: "Most prompt tokens per second that a machine's own word is believed for; a higher measurement counts as none.",
  }),
  believedBandwidth_gbs: setting(wholeNumber({ least: 1, most: SELF_REPORTED_MAX.memoryBandwidth_gbs }), {
    env: "UMBEL_BELIEVED_MEMORY_BANDWIDTH",
    default: "10000",
    about: "Most memory bandwidth, in 10^9 bytes per second, that a machine's own word is believed for.",
  }),
} as const;
