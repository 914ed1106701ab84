import { chatRequest } from "@umbel/dialects";
import { startNetwork, temporaryHome, umbel } from "@umbel/e2e/harness";
import { type Bench, machine, percentile, type Table } from "../report.js";
import { streamOverApi } from "./api-client.js";
import { startEngineAlone } from "./engine-alone.js";
import { type LoadResult, load } from "./load.js";
import { startStubCoordinator } from "./stub-coordinator.js";
import { streamOnSchedule } from "./token-schedule.js";

const STREAMS = [1, 4, 16] as const;
const REQUESTS_PER_STREAM = 6;
const MAX_TOKENS = 200;
const QUESTION = "Tell me a story about a robot named Selma.";
const BUILD = "sprout-3m-q8_0";
/** Scripted answers: as fast as the coordinator can take them. */
const INSTANT = { answer: { kind: "words" }, answerTokens: 1, load_ms: 0, firstToken_ms: 0, tokens_per_s: "unlimited" };
const INSTANT_REQUESTS = 1_000;
/** Scripted answers on a known schedule, so that what the network adds can be told from what the engine takes. */
const SCHEDULED = { answer: { kind: "words" }, answerTokens: 200, load_ms: 0, firstToken_ms: 50, tokens_per_s: 100 };
const SCHEDULED_REQUESTS = 20;

/** The same model and question through ever more of the network, in one run on one machine. */
export const network: Bench = {
  description: "tokens/s and time to first token of the engine alone, behind agent and worker, and over the whole network",
  run: async (progress) => {
    progress("engine alone …");
    const alone = await measureEngineAlone();
    progress("through agent and worker …");
    const worker = await measureThroughWorker();
    progress("through the whole network …");
    const whole = await measureWholeNetwork();
    progress("coordinator with the scripted engine …");
    const scripted = await measureScripted();
    return {
      machine: machine(),
      tables: [throughput({ "engine alone": alone, "agent and worker": worker, "whole network": whole }), coordinatorTable(scripted)],
      figures: { engine_alone: alone, agent_and_worker: worker, whole_network: whole, coordinator: scripted },
    };
  },
};

async function measureEngineAlone(): Promise<LoadResult[]> {
  const engine = await startEngineAlone(Math.max(...STREAMS));
  const results = await eachLoad(() => engine.generate(QUESTION, MAX_TOKENS));
  await engine.close();
  return results;
}

async function measureThroughWorker(): Promise<LoadResult[]> {
  const home = temporaryHome();
  const stub = await startStubCoordinator();
  const provider = umbel(["provider", "start", "--foreground", "--json", "--coordinator", stub.url, "--home", home.path]);
  await Promise.race([stub.registered, provider.exited.then(() => Promise.reject(new Error(provider.output())))]);
  const request = chatRequest.parse({
    model: BUILD,
    messages: [{ role: "user", content: [{ type: "text", text: QUESTION }] }],
    sampling: { temperature: 0 },
    maxOutputTokens: MAX_TOKENS,
  });
  const results = await eachLoad(() => stub.infer(request, MAX_TOKENS));
  await provider.stop();
  stub.close();
  home.remove();
  return results;
}

async function measureWholeNetwork(): Promise<LoadResult[]> {
  const network = await startNetwork(UNLIMITED);
  await network.provider({});
  const { apiKey } = await network.client({ credit_microUsd: CREDIT_microUsd });
  const body = { model: "sprout", messages: [{ role: "user", content: QUESTION }], max_tokens: MAX_TOKENS, temperature: 0 };
  const results = await eachLoad(() => streamOverApi(`${network.url}/v1`, apiKey, body));
  await network.close();
  return results;
}

interface Scripted {
  readonly requestsPerSecond: number;
  readonly addedPerRequest_p50_ms: number;
  readonly addedPerRequest_p99_ms: number;
  readonly addedPerChunk_p50_ms: number;
  readonly addedPerChunk_p99_ms: number;
}

async function measureScripted(): Promise<Scripted> {
  const body = { model: "sprout", messages: [{ role: "user", content: QUESTION }], max_tokens: 256 };

  const fast = await startNetwork(UNLIMITED);
  await fast.provider({ script: INSTANT });
  const fastKey = (await fast.client({ credit_microUsd: CREDIT_microUsd })).apiKey;
  const begin = performance.now();
  const instant = await load(16, INSTANT_REQUESTS, () => streamOverApi(`${fast.url}/v1`, fastKey, body));
  const elapsed_ms = performance.now() - begin;
  await fast.close();

  const paced = await startNetwork(UNLIMITED);
  await paced.provider({ script: SCHEDULED });
  const pacedKey = (await paced.client({ credit_microUsd: CREDIT_microUsd })).apiKey;
  const schedule = { firstToken_ms: SCHEDULED.firstToken_ms, gap_ms: 1_000 / SCHEDULED.tokens_per_s };
  const lags = { first: [] as number[], chunks: [] as number[] };
  for (let index = 0; index < SCHEDULED_REQUESTS; index += 1) {
    const sample = await streamOnSchedule(`${paced.url}/v1`, pacedKey, body, schedule);
    lags.first.push(sample.firstLag_ms);
    lags.chunks.push(...sample.chunkLags_ms);
  }
  await paced.close();

  return {
    requestsPerSecond: ((instant.requests + instant.streams) / elapsed_ms) * 1_000,
    addedPerRequest_p50_ms: percentile(lags.first, 0.5),
    addedPerRequest_p99_ms: percentile(lags.first, 0.99),
    addedPerChunk_p50_ms: percentile(lags.chunks, 0.5),
    addedPerChunk_p99_ms: percentile(lags.chunks, 0.99),
  };
}

/** Money and rate limits must not end a measurement. */
const CREDIT_microUsd = 1_000_000_000n;
const UNLIMITED = { UMBEL_RATE_LIMIT_RPS: "0" };

async function eachLoad(one: Parameters<typeof load>[2]): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  for (const streams of STREAMS) results.push(await load(streams, streams * REQUESTS_PER_STREAM, one));
  return results;
}

function throughput(stages: Record<string, readonly LoadResult[]>): Table {
  const base = Object.values(stages)[0];
  return {
    title: `Sprout, up to ${MAX_TOKENS} tokens an answer, greedy`,
    header: ["stage", "streams", "tokens/s", "of engine", "TTFT p50 ms", "TTFT p99 ms"],
    rows: Object.entries(stages).flatMap(([stage, results]) =>
      results.map((result, index) => [
        stage,
        String(result.streams),
        result.tokensPerSecond,
        `${((100 * result.tokensPerSecond) / (base?.[index]?.tokensPerSecond ?? Number.NaN)).toFixed(0)} %`,
        result.ttft_p50_ms,
        result.ttft_p99_ms,
      ]),
    ),
  };
}

function coordinatorTable(scripted: Scripted): Table {
  return {
    title: "Coordinator, scripted engine",
    header: ["figure", "value"],
    rows: [
      ["requests/s, 16 at a time, one token each", scripted.requestsPerSecond],
      ["added to the first token, p50 ms", scripted.addedPerRequest_p50_ms],
      ["added to the first token, p99 ms", scripted.addedPerRequest_p99_ms],
      ["lag of a chunk behind the quickest, p50 ms", scripted.addedPerChunk_p50_ms],
      ["lag of a chunk behind the quickest, p99 ms", scripted.addedPerChunk_p99_ms],
    ],
  };
}
