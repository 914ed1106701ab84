import { percentile } from "../report.js";
import { median } from "./throughput.js";
import type { Workbench } from "./workbench.js";

const STREAMS = 8;
const PROMPT_TOKENS = 2_000;
const STREAM_PROMPT_TOKENS = 16;
const STREAM_TOKENS = 1_900;

export interface Gaps {
  /** Median wait for the next token while eight streams run and nothing else. */
  readonly usual_ms: number;
  /** Longest such wait, which is the machine's doing. */
  readonly longestBefore_ms: number;
  /** Longest wait while the prompt was computed. */
  readonly longestDuring_ms: number;
  /** The same two in processor time of this process, which other work on the machine does not stretch. */
  readonly usual_cpu_ms: number;
  readonly longestDuring_cpu_ms: number;
  /** One wait in a hundred is longer. */
  readonly p99During_cpu_ms: number;
  readonly firstToken_ms: number;
}

/** A prompt of 2,000 tokens arrives while eight answers run. */
export async function measureGaps(bench: Workbench, tokensBefore: number, rounds_count: number): Promise<Gaps[]> {
  const rounds: Gaps[] = [];
  for (let round = 0; round < rounds_count; round++) rounds.push(await arrive(bench, tokensBefore));
  return rounds;
}

async function arrive(bench: Workbench, tokensBefore: number): Promise<Gaps> {
  const before: Gap[] = [];
  const during: Gap[] = [];
  let gaps = before;
  let ready = (): void => undefined;
  const warm = new Promise<void>((resolve) => {
    ready = resolve;
  });
  let warming = STREAMS;
  const streams = Array.from({ length: STREAMS }, () => {
    const generation = bench.model.generate(bench.request(bench.freshPrompt(STREAM_PROMPT_TOKENS), STREAM_TOKENS));
    const read = async () => {
      let count = 0;
      let last = now();
      for await (const event of generation.events) {
        if (event.type !== "token") continue;
        const here = now();
        // The other streams' prompts are computed before the first tokens.
        if (count > 10) gaps.push({ ms: here.ms - last.ms, cpu_ms: here.cpu_ms - last.cpu_ms });
        last = here;
        if (++count === tokensBefore && --warming === 0) ready();
      }
    };
    return { generation, done: read() };
  });
  await warm;
  gaps = during;
  const start_ms = performance.now();
  const prompt = bench.model.generate(bench.request(bench.freshPrompt(PROMPT_TOKENS), 1));
  let firstToken_ms = Number.NaN;
  for await (const event of prompt.events) if (event.type === "token") firstToken_ms = performance.now() - start_ms;
  gaps = [];
  await Promise.all(streams.map(({ generation }) => generation.cancel()));
  await Promise.all(streams.map(({ done }) => done));
  return {
    usual_ms: median(before.map(({ ms }) => ms)),
    longestBefore_ms: Math.max(...before.map(({ ms }) => ms)),
    longestDuring_ms: Math.max(...during.map(({ ms }) => ms)),
    usual_cpu_ms: median(before.map(({ cpu_ms }) => cpu_ms)),
    longestDuring_cpu_ms: Math.max(...during.map(({ cpu_ms }) => cpu_ms)),
    p99During_cpu_ms: percentile(
      during.map(({ cpu_ms }) => cpu_ms),
      0.99,
    ),
    firstToken_ms,
  };
}

interface Gap {
  readonly ms: number;
  readonly cpu_ms: number;
}

function now(): Gap {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpu_ms: (user + system) / 1000 };
}
