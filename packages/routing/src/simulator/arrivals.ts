import { draw, exponential, zipf } from "./distribution.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { Scenario, TraceRow } from "./scenario.js";
import { streamOf } from "./streams.js";

/** One request as it reaches the coordinator. */
export interface Arrival {
  readonly number: number;
  readonly at_ms: number;
  /** By number in the catalogue. */
  readonly build: number;
  readonly account: number;
  readonly promptTokens: number;
  readonly maxOutputTokens: number;
  /** What the answer takes, whoever writes it. */
  readonly outputTokens: number;
  readonly tools: boolean;
  readonly vision: boolean;
  /** Of which conversation it is a turn; undefined when it stands alone. */
  readonly conversation: number | undefined;
  /** How much of the prompt an earlier turn has said already. */
  readonly sharedTokens: number;
}

type Unnumbered = Omit<Arrival, "number">;

/** Requests in the order in which they come, the same for every policy. */
export function* arrivals(scenario: Scenario, builds: readonly SimulatedBuild[]): Generator<Arrival> {
  const later = new LaterTurns();
  let number = 0;
  for (const fresh of freshArrivals(scenario, builds, later)) {
    for (const turn of later.until(fresh.at_ms)) yield numbered(turn, number++);
    yield numbered(fresh, number++);
  }
  for (const turn of later.until(scenario.duration_s * 1000)) yield numbered(turn, number++);
}

/** Field by field, which takes a tenth of the time: there are a million of them. */
function numbered(request: Unnumbered, number: number): Arrival {
  return {
    number,
    at_ms: request.at_ms,
    build: request.build,
    account: request.account,
    promptTokens: request.promptTokens,
    maxOutputTokens: request.maxOutputTokens,
    outputTokens: request.outputTokens,
    tools: request.tools,
    vision: request.vision,
    conversation: request.conversation,
    sharedTokens: request.sharedTokens,
  };
}

/** Recorded requests. Builds and accounts that the trace names are numbered as they come up. */
export function* traceArrivals(scenario: Scenario, rows: readonly TraceRow[], builds: readonly SimulatedBuild[]): Generator<Arrival> {
  const random = streamOf(scenario.seed, "arrivals");
  const known = new Map(builds.map(({ id }, index) => [id, index]));
  const accounts = new Map<string, number>();
  for (const [number, row] of [...rows].sort((a, b) => a.timestamp - b.timestamp).entries()) {
    const account = accounts.get(row.account) ?? accounts.size;
    accounts.set(row.account, account);
    const build = known.get(row.build);
    if (build === undefined) throw new RangeError(`the trace asks for ${row.build}, which the scenario does not have`);
    yield {
      number,
      at_ms: row.timestamp * 1000,
      build,
      account,
      promptTokens: row.prompt,
      maxOutputTokens: row.max,
      outputTokens: Math.min(row.max, row.output ?? outputTokens(row.max, scenario, random)),
      tools: row.tools,
      vision: row.vision,
      conversation: undefined,
      sharedTokens: 0,
    };
  }
}

/** Names of builds as a trace calls them take the place of the invented ones, the most frequent first. */
export function tracedBuildIds(rows: readonly TraceRow[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { build } of rows) counts.set(build, (counts.get(build) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([id]) => id);
}

function* freshArrivals(scenario: Scenario, builds: readonly SimulatedBuild[], later: LaterTurns): Generator<Unnumbered> {
  const { traffic, seed, duration_s } = scenario;
  const random = streamOf(seed, "arrivals");
  const buildOf = zipf(builds.length, scenario.builds.popularity_exponent);
  const accountOf = zipf(scenario.accounts.count, scenario.accounts.activity_exponent);
  const intensity = intensityOf(scenario, builds.length);
  const { conversations } = traffic;
  // Later turns come on top of fresh requests; both together are the rate that the scenario names.
  const freshShare = conversations === undefined ? 1 : 1 / (1 + conversations.share * (meanTurns(conversations.turns) - 1));
  const rate_max_per_ms = (traffic.rate_per_s * freshShare * intensity.factor_max) / 1000;
  let conversation = 0;
  for (let at_ms = exponential(rate_max_per_ms, random); at_ms < duration_s * 1000; at_ms += exponential(rate_max_per_ms, random)) {
    const { factor, focus } = intensity.at(at_ms);
    const kept = random();
    const build = buildOf(random);
    const account = accountOf(random);
    const promptTokens = Math.max(1, Math.round(draw(traffic.prompt_tokens, random)));
    const maxOutputTokens = Math.max(1, Math.round(draw(traffic.max_tokens, random)));
    const output = outputTokens(maxOutputTokens, scenario, random);
    const [toolsDice, visionDice, talkDice] = [random(), random(), random()];
    // Thinning: candidates come at the highest rate, and as many are dropped as make it the rate of the moment.
    const isExtra = kept * intensity.factor_max >= 1;
    if (kept * intensity.factor_max >= factor) continue;
    const wanted = isExtra && focus !== undefined ? focus : build;
    const talks = conversations !== undefined && talkDice < conversations.share;
    const arrival: Unnumbered = {
      at_ms,
      build: wanted,
      account,
      promptTokens,
      maxOutputTokens,
      outputTokens: output,
      tools: toolsDice < traffic.tools_share && entry(builds, wanted).tools,
      vision: visionDice < traffic.vision_share && entry(builds, wanted).vision,
      conversation: talks ? conversation++ : undefined,
      sharedTokens: 0,
    };
    if (talks) later.plan(arrival, scenario, entry(builds, wanted).contextLength_tokens, random);
    yield arrival;
  }
}

function outputTokens(max: number, { traffic }: Scenario, random: () => number): number {
  return Math.min(max, Math.max(2, Math.round(max * draw(traffic.output_share, random))));
}

function meanTurns(turns: Parameters<typeof draw>[0]): number {
  if (turns.kind === "fixed") return turns.value;
  let sum = 0;
  for (let step = 0; step < MEAN_STEPS; step += 1) sum += draw(turns, () => (step + 0.5) / MEAN_STEPS);
  return sum / MEAN_STEPS;
}
const MEAN_STEPS = 64;

/** How often requests come just then, over the scenario's rate; and which build what is more asks for. */
function intensityOf({ traffic: { arrivals: kind }, seed }: Scenario, builds: number) {
  if (kind.kind === "steady") return { factor_max: 1, at: () => ({ factor: 1, focus: undefined }) };
  if (kind.kind === "diurnal") {
    const phase = (2 * Math.PI) / (kind.period_s * 1000);
    return {
      factor_max: 1 + kind.amplitude,
      at: (at_ms: number) => ({ factor: 1 - kind.amplitude * Math.cos(at_ms * phase), focus: undefined }),
    };
  }
  const random = streamOf(seed ^ 0x5bd1e995, "arrivals");
  const bursts: { readonly from_ms: number; readonly focus: number | undefined }[] = [];
  let next_ms = exponential(1 / (kind.every_s * 1000), random);
  let last = 0;
  return {
    factor_max: kind.factor,
    at: (at_ms: number) => {
      while (next_ms <= at_ms) {
        bursts.push({ from_ms: next_ms, focus: kind.focus === "build" ? Math.floor(random() * builds) : undefined });
        last = bursts.length - 1;
        next_ms += kind.length_s * 1000 + exponential(1 / (kind.every_s * 1000), random);
      }
      const burst = bursts[last];
      if (burst === undefined || at_ms >= burst.from_ms + kind.length_s * 1000) return { factor: 1, focus: undefined };
      return { factor: kind.factor, focus: burst.focus };
    },
  };
}

/** Turns of conversations under way, by the time at which they come. A turn comes when its consumer has read and thought, answered or not. */
class LaterTurns {
  readonly #turns: Unnumbered[] = [];

  plan(first: Unnumbered, { traffic }: Scenario, context_tokens: number, random: () => number): void {
    const { conversations } = traffic;
    if (conversations === undefined) return;
    const turns = Math.max(1, Math.round(draw(conversations.turns, random)));
    let before = first;
    for (let turn = 1; turn < turns; turn += 1) {
      const said = before.promptTokens + before.outputTokens;
      const promptTokens = said + Math.max(1, Math.round(draw(traffic.prompt_tokens, random) / FOLLOW_UP_SHORTER));
      const maxOutputTokens = first.maxOutputTokens;
      if (promptTokens + maxOutputTokens > context_tokens) return;
      before = {
        ...before,
        at_ms: before.at_ms + draw(conversations.think_s, random) * 1000,
        promptTokens,
        outputTokens: Math.min(maxOutputTokens, before.outputTokens),
        sharedTokens: said,
      };
      this.#add(before);
    }
  }

  *until(at_ms: number): Generator<Unnumbered> {
    for (let first = this.#turns[0]; first !== undefined && first.at_ms <= at_ms; first = this.#turns[0]) {
      this.#dropFirst();
      yield first;
    }
  }

  #add(turn: Unnumbered): void {
    const heap = this.#turns;
    let index = heap.length;
    heap.push(turn);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = entry(heap, above);
      if (parent.at_ms <= turn.at_ms) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = turn;
  }

  #dropFirst(): void {
    const heap = this.#turns;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && right.at_ms < left.at_ms;
      const least = isRight ? right : left;
      if (last.at_ms <= least.at_ms) break;
      heap[index] = least;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

/** What is asked after an answer is shorter than what was asked first. */
const FOLLOW_UP_SHORTER = 4;
