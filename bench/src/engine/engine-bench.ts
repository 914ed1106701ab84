import { type Bench, machine, type Table } from "../report.js";
import { type Gaps, measureGaps } from "./gaps.js";
import { measureScopes, type Scopes } from "./scopes.js";
import { measureThroughput, median, type Throughput } from "./throughput.js";
import { type Conversation, measureTurns } from "./turns.js";
import { openWorkbench } from "./workbench.js";

/** The engine against the bare binding, and what its batching and its memory of prompts promise. */
export const engine: Bench = {
  description:
    "decode speed against the bare binding, gaps while a long prompt comes, second turns, and what scopes can tell of each other",
  run: async (progress) => {
    const bench = await openWorkbench();
    progress("throughput …");
    const throughput = await measureThroughput(bench);
    progress("gaps …");
    const gaps = await measureGaps(bench);
    progress("scopes …");
    const scopes = await measureScopes(bench);
    await bench.close();
    progress("turns …");
    const turns = await measureTurns();
    const stretches = gaps.map(({ longestDuring_ms, usual_ms }) => longestDuring_ms / usual_ms);
    const cpuStretches = gaps.map(({ longestDuring_cpu_ms, usual_cpu_ms }) => longestDuring_cpu_ms / usual_cpu_ms);
    const second = turns.map(({ first, second }) => second.firstToken_ms / first.firstToken_ms);
    return {
      machine: machine(),
      tables: [throughputTable(throughput), gapsTable(gaps), turnsTable(turns), scopesTable(scopes)],
      figures: {
        throughput,
        gaps: {
          rounds: gaps,
          stretch_p50: median(stretches),
          stretch_max: Math.max(...stretches),
          cpuStretch_max: Math.max(...cpuStretches),
        },
        turns: { rounds: turns, ratio_p50: median(second), ratio_max: Math.max(...second) },
        scopes,
      },
    };
  },
};

function throughputTable(results: readonly Throughput[]): Table {
  return {
    title: "Decoding, tokens/s of all streams",
    header: ["streams", "engine", "bare binding", "engine / bare"],
    rows: results.map(({ streams, engine_tps, direct_tps, ratio }) => [String(streams), engine_tps, direct_tps, ratio]),
  };
}

function gapsTable(rounds: readonly Gaps[]): Table {
  return {
    title: "Wait for the next token of eight streams while a prompt of 2,000 tokens is read, ms",
    header: [
      "round",
      "usual",
      "longest before",
      "longest during",
      "longest / usual",
      "by processor time",
      "p99 so",
      "prompt's first token",
    ],
    rows: rounds.map((gaps, i) => [
      String(i + 1),
      gaps.usual_ms,
      gaps.longestBefore_ms,
      gaps.longestDuring_ms,
      gaps.longestDuring_ms / gaps.usual_ms,
      gaps.longestDuring_cpu_ms / gaps.usual_cpu_ms,
      gaps.p99During_cpu_ms / gaps.usual_cpu_ms,
      gaps.firstToken_ms,
    ]),
  };
}

function turnsTable(rounds: readonly Conversation[]): Table {
  return {
    title: "Long conversations, time to first token, ms",
    header: ["round", "first turn", "second turn", "second / first", "prompt tokens", "of them found"],
    rows: rounds.map(({ first, second }, i) => [
      String(i + 1),
      first.firstToken_ms,
      second.firstToken_ms,
      second.firstToken_ms / first.firstToken_ms,
      second.promptTokens,
      second.cachedTokens,
    ]),
  };
}

function scopesTable(scopes: Scopes): Table {
  return {
    title: `Prompts that the first scope has sent before against new ones, ${scopes.pairs} pairs, time to first token, ms`,
    header: ["who asks", "known", "new", "known faster", "chance of that"],
    rows: [
      ["the first scope", scopes.own_known_ms, scopes.own_new_ms, scopes.own_faster, "-"],
      ["another scope", scopes.other_known_ms, scopes.other_new_ms, scopes.other_faster, scopes.other_p],
    ],
  };
}
