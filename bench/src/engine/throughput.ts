import type { BenchModel } from "./bench-model.js";
import { type DirectEngine, openDirectEngine } from "./direct.js";
import { type Served, startEndpoint } from "./endpoint.js";
import { startPeer } from "./peer.js";
import type { Word } from "./readers.js";
import { startStopwatch } from "./stopwatch.js";
import { endTokens, type Workbench } from "./workbench.js";

const STREAMS = [1, 4, 8, 16] as const;
/** Enough to go on until the last stream has got as far. */
const STREAM_TOKENS = 1_000;
const PROMPT_TOKENS = 24;

export interface Throughput {
  readonly streams: number;
  readonly direct_tps: number;
  readonly engine_tps: number;
  readonly endpoint_tps: number;
  /** The bare binding behind Node's own HTTP server, read by the same client. */
  readonly peer_tps: number;
  /** Of each round, tokens per second by those of the binding; their median. */
  readonly ratio: number;
  readonly endpointRatio: number;
  readonly peerRatio: number;
  /** Of each round, tokens per second of the endpoint by those of the peer; their median. */
  readonly endpointByPeer: number;
}

/** Tokens per second of all streams together; the bare binding, the engine, the local endpoint and its peer take turns. */
export async function measureThroughput(bench: Workbench, model: BenchModel, rounds: number): Promise<Throughput[]> {
  const word = wordOf(bench);
  const direct = await openDirectEngine(model.weights, endTokens(bench.model));
  const endpoint = await startEndpoint(model, word);
  const peer = await startPeer(model, word);
  const results: Throughput[] = [];
  for (const streams of STREAMS) {
    results.push(await compare({ bench, direct, endpoint, peer }, { streams, rounds, tokensEach: model.tokensEach }));
  }
  await peer.close();
  await endpoint.close();
  await direct.close();
  return results;
}

interface Sides {
  readonly bench: Workbench;
  readonly direct: DirectEngine;
  readonly endpoint: Served;
  readonly peer: Served;
}

interface Extent {
  readonly streams: number;
  readonly rounds: number;
  readonly tokensEach: number;
}

async function compare({ bench, direct, endpoint, peer }: Sides, { streams, rounds, tokensEach }: Extent): Promise<Throughput> {
  const prompt = bench.freshPrompt(PROMPT_TOKENS);
  const sides = [
    { rates: [] as number[], run: () => direct.decode(Uint32Array.from(prompt), streams, tokensEach) },
    { rates: [] as number[], run: () => decode(bench, prompt, streams, tokensEach) },
    { rates: [] as number[], run: () => endpoint.decode(streams, tokensEach) },
    { rates: [] as number[], run: () => peer.decode(streams, tokensEach) },
  ];
  for (let round = 0; round <= rounds; round++) {
    // There and back, so that none is always the first, or always follows the same.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const rate = await side.run();
      // The first round warms up.
      if (round > 0) side.rates.push(rate);
    }
  }
  const [bare = [], ours = [], behind = [], simple = []] = sides.map(({ rates }) => rates);
  const ratio = (rates: readonly number[], by: readonly number[]): number =>
    median(rates.map((tps, round) => tps / (by[round] ?? Number.NaN)));
  return {
    streams,
    ...{ direct_tps: median(bare), engine_tps: median(ours), endpoint_tps: median(behind), peer_tps: median(simple) },
    ...{ ratio: ratio(ours, bare), endpointRatio: ratio(behind, bare), peerRatio: ratio(simple, bare) },
    endpointByPeer: ratio(behind, simple),
  };
}

async function decode(bench: Workbench, prompt: Int32Array, streams: number, tokensEach: number): Promise<number> {
  const generations = Array.from({ length: streams }, () => bench.model.generate(bench.request(prompt, STREAM_TOKENS)));
  const watch = startStopwatch(streams, streams * tokensEach, () => {
    for (const generation of generations) void generation.cancel();
  });
  await Promise.all(
    generations.map(async ({ events }) => {
      const own = watch.stream();
      for await (const event of events) {
        if (event.type === "end" && event.error !== undefined) throw event.error;
        if (event.type === "token") own.tokens(1);
      }
    }),
  );
  return watch.tokensPerSecond();
}

/** A token that is an ordinary word and nothing else. */
function wordOf({ model, freshPrompt }: Workbench): Word {
  for (const id of freshPrompt(1_000)) {
    const text = model.detokenize(Int32Array.of(id));
    if (/^ [a-z]{3,}$/.test(text)) return { id, text };
  }
  throw new Error("the model has no word that is one token");
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
