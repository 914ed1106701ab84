import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memoryGrowth, soak as runSoak, type SoakCycle, serveModels } from "@umbel/provider/measure";
import { type Bench, machine, type Table } from "../report.js";
import { allocateAsWorker } from "./as-worker.js";

const MODELS = path.resolve(import.meta.dirname, "../../../models");
const SECONDS = 1_800;
const REQUESTS = 5_000;
const SEQUENCES = 4;
/** Of three: every cycle loads and unloads each. */
const MODELS_MAX = 2;
const SWEEP_MS = 100;
/** Memory at the end, by memory after the warm-up, may be so much larger. */
const GROWTH_MAX = 0.05;

/** Half an hour of what a worker does all day; `--seconds` makes it shorter, with as many requests a second. */
export const soak: Bench = {
  description: "30 minutes of answers, cancels, loads and unloads on three models: whether memory grows and anything is left taken",
  run: async (progress, { seconds = SECONDS }) => {
    allocateAsWorker();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const home = await mkdtemp(path.join(tmpdir(), "umbel-soak-"));
    const folders = ["sprout", "sprout", "sprout-embed"].map((name) => path.join(MODELS, name));
    const served = await serveModels(folders, { home, sequences: SEQUENCES, models_max: MODELS_MAX });
    const { cycles, failed, held, ...counts } = await runSoak(served, {
      requests: Math.ceil((REQUESTS * seconds) / SECONDS),
      duration_ms: seconds * 1000,
      measure_bytes: async () => {
        collect();
        // What buffers held is given back beside the collection.
        await setTimeout(SWEEP_MS);
        collect();
        return process.memoryUsage.rss();
      },
      onCycle: ({ requests, memory_bytes }) => progress(`${requests} requests, ${mebibytes(memory_bytes)} MiB`),
    });
    await served.close();
    await rm(home, { recursive: true });
    const growth = memoryGrowth(cycles);
    const holds = failed.length === 0 && held.length === 0 && growth <= GROWTH_MAX;
    if (!holds) process.exitCode = 1;
    return {
      machine: machine(),
      tables: [memoryTable(cycles), summary({ ...counts, failed: failed.length, held: held.length, growth_percent: growth * 100 })],
      figures: { ...counts, holds, growth, failed: [...new Set(failed)], held, cycles },
    };
  },
};

function memoryTable(cycles: readonly SoakCycle[]): Table {
  const every = Math.max(1, Math.floor(cycles.length / 12));
  return {
    title: "Resident memory after each cycle, garbage collected",
    header: ["requests", "MiB"],
    rows: cycles
      .filter((_, i) => i % every === 0 || i === cycles.length - 1)
      .map((cycle) => [String(cycle.requests), mebibytes(cycle.memory_bytes)]),
  };
}

function summary(figures: Readonly<Record<string, number>>): Table {
  return { title: "In all", header: ["what", "figure"], rows: Object.entries(figures) };
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
