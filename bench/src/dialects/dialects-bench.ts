import { startNetwork } from "@umbel/e2e/harness";
import { type Bench, machine, percentile, type Table } from "../report.js";
import { render_ns } from "./render-cost.js";
import { SURFACES, type Surface } from "./surfaces.js";

/** A scripted engine without delays: what is measured is everything else. */
const SCRIPT = { answer: { kind: "words" }, answerTokens: 400, load_ms: 0, firstToken_ms: 0, tokens_per_s: "unlimited" };
const STREAM_TOKENS = 400;
const ROUNDS = 150;
const STREAM_ROUNDS = 30;
const WARM_UP_ROUNDS = 20;
const CREDIT_microUsd = 1_000_000_000n;

interface Figures {
  readonly surface: string;
  readonly request_p50_ms: number;
  readonly request_p99_ms: number;
  /** Against chat completions, of the same rounds. */
  readonly added_p50_ms: number;
  readonly chunk_us: number;
  readonly addedPerChunk_us: number;
  readonly render_ns: number;
}

/** Every dialect takes its turn in each round, so that what drifts drifts for all. */
export const dialects: Bench = {
  description: "latency that each dialect adds to a request and to a chunk, against chat completions",
  run: async (progress) => {
    const network = await startNetwork({ UMBEL_RATE_LIMIT_RPS: "0", UMBEL_RATE_LIMIT_ITPM: "0", UMBEL_RATE_LIMIT_OTPM: "0" });
    await network.provider({ script: SCRIPT });
    const { apiKey } = await network.client({ credit_microUsd: CREDIT_microUsd });
    const ask = (surface: Surface, tokens: number, stream: boolean) => timed(network.url, apiKey, surface, tokens, stream);
    progress("requests …");
    await rounds(WARM_UP_ROUNDS, (surface) => ask(surface, 1, false));
    const requests = await rounds(ROUNDS, (surface) => ask(surface, 1, false));
    progress("streams …");
    await rounds(2, (surface) => ask(surface, STREAM_TOKENS, true));
    const streams = await rounds(STREAM_ROUNDS, (surface) => ask(surface, STREAM_TOKENS, true));
    await network.close();
    progress("rendering …");
    const figures = SURFACES.map((surface, index) => figuresOf(surface, index, requests, streams));
    return { machine: machine(), tables: [tableOf(figures)], figures: { surfaces: figures } };
  },
};

/** Samples of each surface, in its order. */
async function rounds(count: number, one: (surface: Surface) => Promise<number>): Promise<number[][]> {
  const samples: number[][] = SURFACES.map(() => []);
  for (let round = 0; round < count; round++) {
    for (const [index, surface] of SURFACES.entries()) samples[index]?.push(await one(surface));
  }
  return samples;
}

async function timed(url: string, apiKey: string, surface: Surface, tokens: number, stream: boolean): Promise<number> {
  const begin = performance.now();
  const response = await fetch(url + surface.path, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(surface.body(tokens, stream)),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${surface.path} answered ${response.status}: ${text}`);
  return performance.now() - begin;
}

function figuresOf(surface: Surface, index: number, requests: readonly number[][], streams: readonly number[][]): Figures {
  const [request = [], stream = []] = [requests[index], streams[index]];
  const chunk_us = (samples: readonly number[]): number => (percentile(samples, 0.5) / STREAM_TOKENS) * 1_000;
  return {
    surface: surface.name,
    request_p50_ms: percentile(request, 0.5),
    request_p99_ms: percentile(request, 0.99),
    added_p50_ms: percentile(request, 0.5) - percentile(requests[0] ?? [], 0.5),
    chunk_us: chunk_us(stream),
    addedPerChunk_us: chunk_us(stream) - chunk_us(streams[0] ?? []),
    render_ns: render_ns(surface.dialect, surface.body(STREAM_TOKENS, true)),
  };
}

function tableOf(figures: readonly Figures[]): Table {
  return {
    title: `One token an answer, ${ROUNDS} rounds; ${STREAM_TOKENS} tokens a stream, ${STREAM_ROUNDS} rounds`,
    header: ["surface", "request p50 ms", "p99 ms", "added p50 ms", "a chunk µs", "added µs", "rendering alone ns"],
    rows: figures.map(({ surface, ...rest }) => [surface, ...Object.values(rest)]),
  };
}
