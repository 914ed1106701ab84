import { type DirectEngine, openDirectEngine } from "./direct.js";
import { endTokens, type Workbench } from "./workbench.js";

const STREAMS = [1, 4, 8, 16] as const;
const TOKENS_EACH = 96;
/** Enough to go on until the last stream has got as far. */
const STREAM_TOKENS = 1_000;
const PROMPT_TOKENS = 24;
const ROUNDS = 5;

export interface Throughput {
  readonly streams: number;
  readonly engine_tps: number;
  readonly direct_tps: number;
  /** Of each round, the engine's tokens per second by the binding's; their median. */
  readonly ratio: number;
}

/** Tokens per second of all streams together, the engine and the bare binding taking turns. */
export async function measureThroughput(bench: Workbench): Promise<Throughput[]> {
  const direct = await openDirectEngine(endTokens(bench.model));
  const results: Throughput[] = [];
  for (const streams of STREAMS) results.push(await compare(bench, direct, streams));
  await direct.close();
  return results;
}

async function compare(bench: Workbench, direct: DirectEngine, streams: number): Promise<Throughput> {
  const engine: number[] = [];
  const bare: number[] = [];
  const prompt = bench.freshPrompt(PROMPT_TOKENS);
  for (let round = 0; round <= ROUNDS; round++) {
    const ours = () => decode(bench, prompt, streams);
    const theirs = () => direct.decode(Uint32Array.from(prompt), streams, TOKENS_EACH);
    // Each goes first every other time.
    const [engine_tps, bare_tps] = round % 2 === 0 ? [await ours(), await theirs()] : (await inTurn(theirs, ours)).toReversed();
    // The first round warms up.
    if (round === 0 || engine_tps === undefined || bare_tps === undefined) continue;
    engine.push(engine_tps);
    bare.push(bare_tps);
  }
  const ratios = engine.map((tps, round) => tps / (bare[round] ?? Number.NaN));
  return { streams, engine_tps: median(engine), direct_tps: median(bare), ratio: median(ratios) };
}

async function inTurn<T>(first: () => Promise<T>, second: () => Promise<T>): Promise<T[]> {
  return [await first(), await second()];
}

/** Tokens of the time in which every stream runs: from the first token of the last one, as many as the bare binding decodes. */
async function decode(bench: Workbench, prompt: Int32Array, streams: number): Promise<number> {
  const wanted = streams * TOKENS_EACH;
  let waiting = streams;
  let [counted, begin_ms, end_ms] = [0, 0, 0];
  const generations = Array.from({ length: streams }, () => bench.model.generate(bench.request(prompt, STREAM_TOKENS)));
  await Promise.all(
    generations.map(async ({ events }) => {
      let isFirst = true;
      for await (const event of events) {
        if (event.type === "end" && event.error !== undefined) throw event.error;
        if (event.type !== "token") continue;
        if (waiting === 0) counted += 1;
        if (isFirst && --waiting === 0) begin_ms = performance.now();
        isFirst = false;
        if (counted !== wanted || end_ms > 0) continue;
        end_ms = performance.now();
        for (const generation of generations) void generation.cancel();
      }
    }),
  );
  return (wanted * 1000) / (end_ms - begin_ms);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
