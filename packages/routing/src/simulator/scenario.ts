import { z } from "zod";
import { COEFFICIENTS } from "../cost/profile.js";
import { distribution } from "./distribution.js";

/** What a scenario may ask for at most, so that a slip of the pen ends in words and not in hours. */
export const SCENARIO_LIMITS = {
  providers_max: 200_000,
  builds_max: 1_000,
  classes_max: 64,
  accounts_max: 100_000,
  faults_max: 64,
  duration_s_max: 7 * 86_400,
  requests_max: 20_000_000,
} as const;

const share = z.number().min(0).max(1);
const weight = z.number().positive().default(1);
const seconds = z.number().positive().max(SCENARIO_LIMITS.duration_s_max);

const machineClass = z.strictObject({
  /** With its speed it makes the compute class, by which rates are pooled. */
  name: z.string().min(1).max(64),
  weight,
  /** Of one stream, extrapolated to an empty batch, with a build of `reference_size_gb`. */
  decode_tps: distribution,
  /** Prompt tokens read in the time in which one is written. */
  prefill_per_decode: distribution.default({ kind: "fixed", value: 12 }),
  memory_gb: distribution,
  /** Bringing a build into memory. */
  load_gb_per_s: distribution.default({ kind: "fixed", value: 1.5 }),
  /** Streams that one build may hold. */
  concurrency: distribution.default({ kind: "fixed", value: 8 }),
  /** Builds in memory at once. */
  slots_max: z.number().int().positive().default(3),
  /** Builds on disk, and how many of them are in memory at the start. */
  builds_carried: distribution.default({ kind: "fixed", value: 6 }),
  builds_resident: distribution.default({ kind: "fixed", value: 1 }),
});

const fleet = z.strictObject({
  providers: z.number().int().positive().max(SCENARIO_LIMITS.providers_max),
  classes: z.array(machineClass).min(1).max(SCENARIO_LIMITS.classes_max),
  versions: z
    .array(z.strictObject({ version: z.string().min(1), weight }))
    .min(1)
    .default([{ version: "1.0.0", weight: 1 }]),
  /** One way between the coordinator and machines there. */
  regions: z
    .array(z.strictObject({ name: z.string().min(1), weight, latency_ms: z.number().min(0).max(10_000) }))
    .min(1)
    .default([{ name: "near", weight: 1, latency_ms: 20 }]),
  heartbeat: z
    .strictObject({ interval_s: seconds.default(5), jitter: share.default(0.1), loss: share.default(0) })
    .default({ interval_s: 5, jitter: 0.1, loss: 0 }),
  /** Slow-down of a stream by the batch it is in: rate = decode_tps / (1 + slope × streams). */
  batch_slope: z.number().min(0).max(10).default(0.27),
});

const builds = z.strictObject({
  count: z.number().int().positive().max(SCENARIO_LIMITS.builds_max),
  /** The n-th most wanted build is wanted 1 / n^exponent as often as the first. */
  popularity_exponent: z.number().min(0).max(5).default(1),
  size_gb: distribution.default({ kind: "fixed", value: 4 }),
  kv_bytes_per_token: distribution.default({ kind: "fixed", value: 131_072 }),
  /** A build of another size is so much slower or faster: (reference / size)^exponent. */
  reference_size_gb: z.number().positive().default(4),
  speed_exponent: z.number().min(0).max(2).default(0.5),
  context_tokens: z.number().int().positive().default(32_768),
  tools_share: share.default(1),
  vision_share: share.default(0),
});

const arrivals = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("steady") }),
  /** Now and then, for a while, requests come `factor` times as often; with `focus` on one build, all that is more asks for that one. */
  z.strictObject({
    kind: z.literal("bursts"),
    every_s: seconds,
    length_s: seconds,
    factor: z.number().min(1).max(100),
    focus: z.enum(["all", "build"]).default("all"),
  }),
  /** A sine around the rate. */
  z.strictObject({ kind: z.literal("diurnal"), period_s: seconds, amplitude: share }),
]);

const traffic = z.strictObject({
  rate_per_s: z.number().positive().max(100_000),
  arrivals: arrivals.default({ kind: "steady" }),
  prompt_tokens: distribution.default({ kind: "lognormal", median: 400, p90: 2_000, max: 12_000 }),
  max_tokens: distribution.default({ kind: "lognormal", median: 400, p90: 1_000, max: 4_000 }),
  /** How much of `max_tokens` an answer takes. */
  output_share: distribution.default({ kind: "uniform", min: 0.1, max: 0.9 }),
  tools_share: share.default(0),
  vision_share: share.default(0),
  /** Requests that open a conversation: each further turn repeats all that was said before. */
  conversations: z
    .strictObject({
      share,
      turns: distribution.default({ kind: "fixed", value: 4 }),
      think_s: distribution.default({ kind: "fixed", value: 20 }),
    })
    .optional(),
  /** Consumers that leave so long after they have asked, if their answer is not complete by then. */
  leaving: z.strictObject({ share, after_s: distribution.default({ kind: "uniform", min: 1, max: 10 }) }).optional(),
  /** Requests of people who own a machine that offers the build: for it alone, or for others too where it cannot. */
  owners: z.strictObject({ share, route: z.enum(["self", "prefer"]).default("prefer") }).optional(),
});

const accounts = z.strictObject({
  count: z.number().int().positive().max(SCENARIO_LIMITS.accounts_max).default(20),
  /** How unequal their shares of the traffic are, as for builds. */
  activity_exponent: z.number().min(0).max(5).default(0.8),
});

const hits = { share: share.default(0), version: z.string().optional() } as const;
const fault = z.discriminatedUnion("kind", [
  /** Such a part of requests ends with an internal error before the first token. */
  z.strictObject({ kind: z.literal("failing"), ...hits, chance: share.default(0.5) }),
  /** The process dies and comes back with empty memory. */
  z.strictObject({ kind: z.literal("crash"), ...hits, every_s: seconds, restart_s: seconds.default(30) }),
  /** The connection breaks and comes back; what ran on it is lost, what is in memory is not. */
  z.strictObject({ kind: z.literal("flapping"), ...hits, every_s: seconds, down_s: seconds.default(5) }),
  /** Accepted, then nothing for a while. */
  z.strictObject({ kind: z.literal("stall_after_accept"), ...hits, chance: share.default(1), stall_s: seconds }),
  /** The first sign of an answer, then nothing for a while. */
  z.strictObject({ kind: z.literal("stall_after_preamble"), ...hits, chance: share.default(1), stall_s: seconds }),
  /** Writes so much slower than its benchmark says. */
  z.strictObject({ kind: z.literal("slow_decode"), ...hits, factor: z.number().min(1).max(1_000) }),
  z.strictObject({ kind: z.literal("oom_on_load"), ...hits, chance: share.default(0.5) }),
  /** Claims so many times the places it has, and no work at all. */
  z.strictObject({ kind: z.literal("lying_capacity"), ...hits, factor: z.number().min(1).max(100).default(4) }),
  /** Its clock runs so many times as fast as it should: it reports sooner, and reports rates and times that it measured by it. */
  z.strictObject({ kind: z.literal("clock_skew"), ...hits, rate: z.number().min(0.1).max(10) }),
  /** The chat template of a release fails on requests with tools. */
  z.strictObject({ kind: z.literal("template_crash"), ...hits, chance: share.default(1) }),
]);
export type Fault = z.infer<typeof fault>;

const coordinator = z.strictObject({
  hedging: z.boolean().default(true),
  warm_planner: z.boolean().default(true),
  queue_wait_s: seconds.default(120),
  queue_size: z.number().int().positive().default(10),
  first_content_base_s: seconds.default(5),
  first_content_per_token_ms: z.number().min(0).default(1),
  /** Hard: a machine that is expected to take longer than that is not asked at all. */
  ttft_gate: z.enum(["soft", "hard"]).default("soft"),
  /** Coefficients of the cost, by name, that differ from the ones in use: to see what a change would do. */
  cost: z.partialRecord(z.enum(COEFFICIENTS), z.number().min(0)).default({}),
});

/** What counts as a good answer: its first token within so long and its tokens at so high a rate. */
const target = z.strictObject({
  ttft_s: seconds.default(5),
  ttft_per_prompt_token_ms: z.number().min(0).default(1),
  decode_tps: z.number().min(0).default(10),
});

/** One request of a recorded trace. */
export const traceRow = z.object({
  /** Seconds from the beginning of the trace. */
  timestamp: z.number().min(0),
  build: z.string().min(1),
  prompt: z.number().int().min(0),
  max: z.number().int().positive(),
  /** Tokens that the answer took; absent is by the scenario's `output_share`. */
  output: z.number().int().positive().optional(),
  tools: z.boolean().default(false),
  vision: z.boolean().default(false),
  account: z.string().min(1).default("account-0"),
});
export type TraceRow = z.infer<typeof traceRow>;

/** A scenario file. Every field that is left out has the value said here. */
export const scenarioSchema = z.strictObject({
  name: z.string().min(1).max(64),
  description: z.string().max(2_000).default(""),
  seed: z.number().int().min(0).max(0xffffffff).default(1),
  duration_s: seconds,
  /** From the beginning, during which nothing is counted: the fleet starts idle and knows nothing. */
  warmup_s: z.number().min(0).default(0),
  fleet,
  builds,
  traffic,
  accounts: accounts.default({ count: 20, activity_exponent: 0.8 }),
  faults: z.array(fault).max(SCENARIO_LIMITS.faults_max).default([]),
  coordinator: coordinator.prefault({}),
  target: target.prefault({}),
  /** A file with recorded requests, one JSON object a line, beside the scenario file; `traffic` then only says what a row leaves out. */
  trace: z.string().min(1).optional(),
});
export type Scenario = z.infer<typeof scenarioSchema>;

/** @returns the scenario, or one line for each thing that is wrong with it: where, and what */
export function parseScenario(
  value: unknown,
): { readonly ok: true; readonly scenario: Scenario } | { readonly ok: false; readonly problems: readonly string[] } {
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.map(({ path, message }) => `${pathWords(path)}: ${message}`) };
  const scenario = parsed.data;
  const problems = contradictions(scenario);
  return problems.length === 0 ? { ok: true, scenario } : { ok: false, problems };
}

function contradictions({ duration_s, warmup_s, traffic, faults, fleet }: Scenario): string[] {
  const problems: string[] = [];
  if (warmup_s >= duration_s) problems.push("warmup_s: must be less than duration_s");
  const requests = traffic.rate_per_s * duration_s;
  if (requests > SCENARIO_LIMITS.requests_max)
    problems.push(`traffic.rate_per_s: makes ${requests} requests, at most ${SCENARIO_LIMITS.requests_max}`);
  const known = new Set(fleet.versions.map(({ version }) => version));
  for (const [index, { version, share: hit }] of faults.entries()) {
    if (version !== undefined && !known.has(version)) problems.push(`faults[${index}].version: no machine has ${version}`);
    if (version === undefined && hit === 0) problems.push(`faults[${index}].share: say which part of the machines, or which version`);
  }
  return problems;
}

function pathWords(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "scenario";
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`)).join("");
}
