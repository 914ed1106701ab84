import { type Bench, machine, type Table } from "../report.js";
import { BENCH_MODELS, type BenchModelName, withBenchModel } from "./bench-model.js";
import { type Gaps, measureGaps } from "./gaps.js";
import { measureScopes, type Scopes } from "./scopes.js";
import { measureThroughput, median, type Throughput } from "./throughput.js";
import { type Conversation, measureTurns } from "./turns.js";
import { openWorkbench } from "./workbench.js";

const PARTS = ["throughput", "gaps", "scopes", "turns"] as const;
type Part = (typeof PARTS)[number];
/** Of a model of a size that is served, beside the bundled one: the others are about memory, not about speed. */
const SMALL_PARTS: readonly Part[] = ["throughput", "gaps"];

interface Shown {
  readonly tables: Table[];
  readonly figures: Partial<Record<Part, unknown>>;
}

/** The engine and the local endpoint against the bare binding, and what the engine's batching and its memory of prompts promise. */
export const engine: Bench = {
  description:
    "decode speed of engine and local endpoint against the bare binding, gaps while a long prompt comes, second turns, and what scopes can tell of each other; with the bundled model and one of a size that is served",
  run: async (progress, { rounds, parts = PARTS, models = BENCH_MODELS }) => {
    const wanted = {
      parts: parts.map((part) => known("part", part, PARTS)),
      models: models.map((name) => known("model", name, BENCH_MODELS)),
    };
    const tables: Table[] = [];
    const figures: Partial<Record<BenchModelName, Shown["figures"]>> = {};
    for (const name of wanted.models) {
      const shown = await measureModel(name, wanted.parts, rounds, progress);
      tables.push(...shown.tables.map((table) => ({ ...table, title: `${name}: ${table.title}` })));
      figures[name] = shown.figures;
    }
    return { machine: machine(), tables, figures };
  },
};

function known<Name extends string>(what: string, name: string, names: readonly Name[]): Name {
  const found = names.find((known) => known === name);
  if (found === undefined) throw new Error(`there is no ${what} "${name}": there are ${names.join(", ")}`);
  return found;
}

function measureModel(name: BenchModelName, wanted: readonly Part[], asked: number | undefined, progress: (note: string) => void) {
  return withBenchModel(name, async (model): Promise<Shown> => {
    const rounds = asked ?? model.rounds;
    const parts = model.isBundled ? wanted : wanted.filter((part) => SMALL_PARTS.includes(part));
    const shown: Shown = { tables: [], figures: {} };
    const measure = async <T>(
      part: Part,
      run: () => Promise<T>,
      show: (result: T) => { table: Table; figures: unknown },
    ): Promise<void> => {
      if (!parts.includes(part)) return;
      progress(`${name}: ${part} …`);
      const { table, figures } = show(await run());
      shown.tables.push(table);
      shown.figures[part] = figures;
    };
    const bench = await openWorkbench(model);
    await measure("throughput", () => measureThroughput(bench, model, rounds), showThroughput);
    await measure("gaps", () => measureGaps(bench, model.tokensBefore, rounds), showGaps);
    await measure("scopes", () => measureScopes(bench), showScopes);
    await bench.close();
    await measure("turns", () => measureTurns(rounds), showTurns);
    return shown;
  });
}

function showThroughput(results: readonly Throughput[]) {
  return { table: throughputTable(results), figures: results };
}

function showGaps(rounds: readonly Gaps[]) {
  const stretches = rounds.map(({ stretch }) => stretch);
  const cpuStretches = rounds.map(({ stretch_cpu }) => stretch_cpu);
  const figures = {
    ...{ rounds, stretch_p50: median(stretches), stretch_max: Math.max(...stretches) },
    ...{ cpuStretch_p50: median(cpuStretches), cpuStretch_max: Math.max(...cpuStretches) },
  };
  return { table: gapsTable(rounds), figures };
}

function showScopes(scopes: Scopes) {
  return { table: scopesTable(scopes), figures: scopes };
}

function showTurns(rounds: readonly Conversation[]) {
  const second = rounds.map(({ first, second }) => second.firstToken_ms / first.firstToken_ms);
  return { table: turnsTable(rounds), figures: { rounds, ratio_p50: median(second), ratio_max: Math.max(...second) } };
}

function throughputTable(results: readonly Throughput[]): Table {
  return {
    title: "Decoding, tokens/s of all streams",
    header: [
      "streams",
      "bare binding",
      "engine",
      "local endpoint",
      "peer",
      "engine / bare",
      "endpoint / bare",
      "peer / bare",
      "endpoint / peer",
    ],
    rows: results.map(({ streams, direct_tps, engine_tps, endpoint_tps, peer_tps, ratio, endpointRatio, peerRatio, endpointByPeer }) => [
      ...[String(streams), direct_tps, engine_tps, endpoint_tps, peer_tps, ratio, endpointRatio, peerRatio, endpointByPeer],
    ]),
  };
}

function gapsTable(rounds: readonly Gaps[]): Table {
  return {
    title:
      "Wait for the next token of eight streams while a prompt of 2,000 tokens is read: ms, and times what the same tokens wait without it",
    header: [
      ...["round", "usual before, ms", "longest before, ms", "longest during, ms"],
      ...["longest, times", "p99", "by processor time", "p99", "prompt's first token, ms"],
    ],
    rows: rounds.map((gaps, i) => [
      ...[String(i + 1), gaps.usual_ms, gaps.longestBefore_ms, gaps.longestDuring_ms],
      ...[gaps.stretch, gaps.stretch_p99, gaps.stretch_cpu, gaps.stretch_cpu_p99, gaps.firstToken_ms],
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
