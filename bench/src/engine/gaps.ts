import { percentile } from "../report.js";
import { median } from "./throughput.js";
import type { Workbench } from "./workbench.js";

const STREAMS = 8;
const PROMPT_TOKENS = 2_000;
const STREAM_PROMPT_TOKENS = 16;
const STREAM_TOKENS = 1_900;
/** The first tokens of a stream wait for the other streams' prompts. */
const SETTLED_TOKENS = 10;
/** Tokens to either side of one whose waits say what it usually waits. */
const NEIGHBOURS_TOKENS = 10;

export interface Gaps {
  /** Median wait for the next token before the prompt came. */
  readonly usual_ms: number;
  /** Longest such wait, which is the machine's doing. */
  readonly longestBefore_ms: number;
  /** Longest wait while the prompt was computed. */
  readonly longestDuring_ms: number;
  /** The most times that a wait was as long as the same tokens of eight such streams usually wait for, without a prompt. */
  readonly stretch: number;
  /** One wait in a hundred is stretched more. */
  readonly stretch_p99: number;
  /** The same in processor time of this process, which other work on the machine does not stretch as much. */
  readonly stretch_cpu: number;
  readonly stretch_cpu_p99: number;
  readonly firstToken_ms: number;
}

/** A prompt of 2,000 tokens arrives while eight answers run; and the same eight answers without it. */
export async function measureGaps(bench: Workbench, tokensBefore: number, rounds_count: number): Promise<Gaps[]> {
  const rounds: Gaps[] = [];
  for (let round = 0; round < rounds_count; round++) rounds.push(await arrive(bench, tokensBefore));
  return rounds;
}

async function arrive(bench: Workbench, tokensBefore: number): Promise<Gaps> {
  const before: Gap[] = [];
  const during: Gap[] = [];
  let gaps = before;
  const streams = runStreams(bench, (gap) => gaps.push(gap));
  await streams.reached(tokensBefore);
  gaps = during;
  const start_ms = performance.now();
  const prompt = bench.model.generate(bench.request(bench.freshPrompt(PROMPT_TOKENS), 1));
  let firstToken_ms = Number.NaN;
  for await (const event of prompt.events) if (event.type === "token") firstToken_ms = performance.now() - start_ms;
  gaps = [];
  await streams.stop();
  const usual = await usualGaps(bench, Math.max(...during.map(({ token }) => token)));
  const stretches = during.map(({ token, ms }) => ms / usual(token).ms);
  const stretches_cpu = during.map(({ token, cpu_ms }) => cpu_ms / usual(token).cpu_ms);
  return {
    usual_ms: median(before.map(({ ms }) => ms)),
    longestBefore_ms: Math.max(...before.map(({ ms }) => ms)),
    longestDuring_ms: Math.max(...during.map(({ ms }) => ms)),
    stretch: Math.max(...stretches),
    stretch_p99: percentile(stretches, 0.99),
    stretch_cpu: Math.max(...stretches_cpu),
    stretch_cpu_p99: percentile(stretches_cpu, 0.99),
    firstToken_ms,
  };
}

/** How long eight streams wait for a token of theirs when there is no prompt beside them: the longer they are, the longer. */
async function usualGaps(bench: Workbench, tokens: number): Promise<(token: number) => Pick<Gap, "ms" | "cpu_ms">> {
  const gaps: Gap[] = [];
  const streams = runStreams(bench, (gap) => gaps.push(gap));
  await streams.reached(tokens + NEIGHBOURS_TOKENS + 1);
  await streams.stop();
  const known = new Map<number, Pick<Gap, "ms" | "cpu_ms">>();
  return (token) => {
    const usual = known.get(token) ?? middle(gaps.filter((gap) => Math.abs(gap.token - token) <= NEIGHBOURS_TOKENS));
    known.set(token, usual);
    return usual;
  };
}

function middle(gaps: readonly Gap[]): Pick<Gap, "ms" | "cpu_ms"> {
  return { ms: median(gaps.map(({ ms }) => ms)), cpu_ms: median(gaps.map(({ cpu_ms }) => cpu_ms)) };
}

/** A wait for a token of a stream, by its number. */
interface Gap {
  readonly token: number;
  readonly ms: number;
  readonly cpu_ms: number;
}

interface Streams {
  /** Every stream has written so many tokens. */
  reached(tokens: number): Promise<void>;
  stop(): Promise<void>;
}

function runStreams(bench: Workbench, onGap: (gap: Gap) => void): Streams {
  const counts = Array.from({ length: STREAMS }, () => 0);
  let wake = (): void => undefined;
  const generations = counts.map(() => bench.model.generate(bench.request(bench.freshPrompt(STREAM_PROMPT_TOKENS), STREAM_TOKENS)));
  const reading = generations.map(async ({ events }, stream) => {
    let last = now();
    for await (const event of events) {
      if (event.type === "end" && event.reason === "error") throw event.error;
      if (event.type !== "token") continue;
      const here = now();
      const token = counts[stream] ?? 0;
      if (token > SETTLED_TOKENS) onGap({ token, ms: here.ms - last.ms, cpu_ms: here.cpu_ms - last.cpu_ms });
      last = here;
      counts[stream] = token + 1;
      wake();
    }
  });
  return {
    async reached(tokens) {
      const all = new Promise<void>((resolve) => {
        wake = () => {
          if (counts.every((count) => count >= tokens)) resolve();
        };
      });
      // A stream that fails is heard of here.
      await Promise.race([all, Promise.all(reading)]);
    },
    async stop() {
      await Promise.all(generations.map((generation) => generation.cancel()));
      await Promise.all(reading);
    },
  };
}

function now(): Pick<Gap, "ms" | "cpu_ms"> {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpu_ms: (user + system) / 1000 };
}
