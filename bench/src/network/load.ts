import { percentile } from "../report.js";

/** What one stream showed to whoever read it. */
export interface StreamSample {
  readonly tokens: number;
  readonly firstToken_ms: number;
  readonly total_ms: number;
}

export interface LoadResult {
  readonly streams: number;
  readonly tokensPerSecond: number;
  readonly ttft_p50_ms: number;
  readonly ttft_p99_ms: number;
  readonly requests: number;
}

/** Keeps `streams` requests running until `requests` have ended, after one uncounted round, and sums up. */
export async function load(streams: number, requests: number, one: () => Promise<StreamSample>): Promise<LoadResult> {
  await Promise.all(Array.from({ length: streams }, one));
  const samples: StreamSample[] = [];
  let started = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: streams }, async () => {
      while (started < requests) {
        started += 1;
        samples.push(await one());
      }
    }),
  );
  const elapsed_ms = performance.now() - begin;
  const firsts = samples.map((sample) => sample.firstToken_ms);
  return {
    streams,
    tokensPerSecond: (samples.reduce((sum, sample) => sum + sample.tokens, 0) / elapsed_ms) * 1000,
    ttft_p50_ms: percentile(firsts, 0.5),
    ttft_p99_ms: percentile(firsts, 0.99),
    requests: samples.length,
  };
}
