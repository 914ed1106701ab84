import { chatRequest } from "@umbel/dialects";
import { ChatError } from "../../chat/index.js";
import { RequestError } from "../request-error.js";
import type { ServedModels } from "./serve-models.js";

export interface SoakOptions {
  readonly requests: number;
  /** A cycle goes through all pairs of models with so many requests each, so that each model comes into memory and leaves it. */
  readonly perPair?: number;
  /** Cycles are spread over so long; 0 is as fast as it goes. */
  readonly duration_ms: number;
  /** Resident memory of this process after a collection of garbage. */
  readonly measure_bytes: () => Promise<number>;
  readonly onCycle?: (cycle: SoakCycle) => void;
}

export interface SoakCycle {
  readonly requests: number;
  readonly memory_bytes: number;
}

export interface SoakResult {
  readonly requests: number;
  readonly completed: number;
  readonly cancelled: number;
  /** Cancelled ones that took longer to end than that. */
  readonly lateCancels: number;
  readonly slowestCancel_ms: number;
  readonly failed: readonly string[];
  readonly loads: number;
  readonly cycles: readonly SoakCycle[];
  /** What is still held when nothing runs any more. */
  readonly held: readonly string[];
}

const REQUESTS_PER_PAIR = 20;
const CONCURRENCY = 6;
/** Some end before they can be cancelled, and a tenth of all is to be. */
const CANCELLED_SHARE = 0.13;
const CANCEL_MS_MAX = 100;
const SCOPES = 5;
const LONG_SHARE = 0.05;

/**
 * Loads, unloads, answers and cancels on three models with room in memory for two, and looks whether anything is left: memory, sequences,
 * places.
 */
export async function soak({ models, builds }: ServedModels, options: SoakOptions): Promise<SoakResult> {
  const pairs = builds.map((build, i) => [build, builds[(i + 1) % builds.length] ?? build] as const);
  const perPair = options.perPair ?? REQUESTS_PER_PAIR;
  const perCycle = pairs.length * perPair;
  const cycleCount = Math.ceil(options.requests / perCycle);
  const counts = { requests: 0, completed: 0, cancelled: 0, lateCancels: 0, slowestCancel_ms: 0, loads: 0 };
  const failed: string[] = [];
  const cycles: SoakCycle[] = [];
  const random = sequence();
  const begin_ms = performance.now();

  async function one(build: string): Promise<void> {
    const id = `soak-${counts.requests++}`;
    const abort = new AbortController();
    const isCancelled = random() < CANCELLED_SHARE;
    const cancelAfter = Math.floor(random() * 12);
    let cancelled_ms: number | undefined;
    let events = 0;
    const cancel = (): void => {
      cancelled_ms ??= performance.now();
      abort.abort();
    };
    const request = requestFor(build, counts.requests, random() < LONG_SHARE);
    const run = { requestId: id, cacheScope: `scope-${counts.requests % SCOPES}`, signal: abort.signal, onPhase: () => undefined };
    try {
      const using = models.use(build, abort.signal, () => counts.loads++, 60_000);
      if (isCancelled && cancelAfter === 0) cancel();
      const use = await using;
      try {
        for await (const event of use.model.run(request, run)) {
          if (event.type !== "finish" && isCancelled && ++events >= cancelAfter) cancel();
        }
      } finally {
        use.release();
      }
      if (cancelled_ms === undefined) counts.completed++;
    } catch (error) {
      const isOurs = (error instanceof ChatError || error instanceof RequestError) && error.errorClass === "cancelled";
      if (cancelled_ms === undefined || !isOurs) failed.push(error instanceof Error ? error.message : String(error));
    }
    if (cancelled_ms === undefined) return;
    counts.cancelled++;
    const took_ms = performance.now() - cancelled_ms;
    counts.slowestCancel_ms = Math.max(counts.slowestCancel_ms, took_ms);
    if (took_ms > CANCEL_MS_MAX) counts.lateCancels++;
  }

  for (let cycle = 0; cycle < cycleCount; cycle++) {
    for (const pair of pairs) {
      let left = perPair;
      const lane = async (): Promise<void> => {
        while (left > 0) await one(pair[left-- % 2] ?? "");
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    }
    cycles.push({ requests: counts.requests, memory_bytes: await options.measure_bytes() });
    options.onCycle?.(cycles.at(-1) ?? { requests: 0, memory_bytes: 0 });
    await until(begin_ms + (options.duration_ms * (cycle + 1)) / cycleCount);
  }
  return { ...counts, failed, cycles, held: await whatIsHeld(models, builds) };
}

/** Memory at the end by memory after the warm-up, less one: medians of the last fifth and of the fifth that follows the first. */
export function memoryGrowth(cycles: readonly SoakCycle[]): number {
  const fifth = Math.max(1, Math.floor(cycles.length / 5));
  const median = (part: readonly SoakCycle[]): number =>
    part.map(({ memory_bytes }) => memory_bytes).toSorted((a, b) => a - b)[Math.floor(part.length / 2)] ?? Number.NaN;
  return median(cycles.slice(-fifth)) / median(cycles.slice(fifth, 2 * fifth)) - 1;
}

/** Places that are taken although nothing runs, and models that do not run as many answers at once as they promise. */
async function whatIsHeld(models: ServedModels["models"], builds: readonly string[]): Promise<string[]> {
  const held: string[] = [];
  for (const build of builds) {
    const { signal } = new AbortController();
    const use = await models.use(build, signal, () => undefined, 60_000);
    const slot = () => models.slots().find(({ model }) => model === build);
    const before = slot();
    const isIdle = before?.num_running === 0 && before.num_waiting === 0 && before.token_budget_used === 0;
    if (!isIdle) held.push(`${build} is not idle: ${JSON.stringify(before)}`);
    const places = before?.max_concurrency ?? 0;
    let most = 0;
    const answers = Array.from({ length: places }, async (_, i) => {
      const run = { requestId: `held-${i}`, cacheScope: undefined, signal, onPhase: () => undefined };
      for await (const _event of use.model.run(requestFor(build, i, false), run)) most = Math.max(most, slot()?.num_running ?? 0);
    });
    await Promise.all(answers);
    use.release();
    if (most < places && !isEmbedder(build)) held.push(`${build} ran ${most} of ${places} answers`);
    await models.unload(build);
  }
  if (models.slots().length > 0) held.push("models stay in memory");
  return held;
}

function isEmbedder(build: string): boolean {
  return build.includes("embed");
}

function requestFor(build: string, ordinal: number, isLong: boolean) {
  const text = `${isLong ? "The dog went to the red house. ".repeat(60) : ""}Count from ${ordinal % 50} to ${(ordinal % 50) + 60}.`;
  return chatRequest.parse({
    model: build,
    ...(isEmbedder(build)
      ? { task: { type: "embedding", inputs: [text, `${text} ${ordinal}`] }, messages: [] }
      : { messages: [{ role: "user", content: [{ type: "text", text }] }] }),
    maxOutputTokens: 24,
    sampling: { temperature: 0.8 },
  });
}

/** Uniform in [0, 1), the same in every run. */
function sequence(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function until(time_ms: number): Promise<void> {
  const left_ms = time_ms - performance.now();
  return left_ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, left_ms));
}
