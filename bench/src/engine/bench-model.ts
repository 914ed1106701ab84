import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { SMALL_MODEL, writeRandomModel } from "./model/write-random-model.js";

/** A model that is measured, and how much of it: what a step takes differs a hundredfold. */
export interface BenchModel {
  readonly name: string;
  /** Path of its GGUF. */
  readonly weights: string;
  readonly isBundled: boolean;
  /** Decoded of each stream. */
  readonly tokensEach: number;
  /** Of each of as many streams as there are, before anything is measured at the endpoint. */
  readonly warmUp_tokens: number;
  /** Of each stream before the long prompt comes. */
  readonly tokensBefore: number;
  readonly rounds: number;
}

export const SPROUT = path.resolve(import.meta.dirname, "../../../models/sprout");

/** Smaller than anything that is served in earnest: what is not computing weighs as much as it can. */
const sprout: BenchModel = {
  name: "sprout",
  weights: path.join(SPROUT, "sprout-3m-q8_0.gguf"),
  isBundled: true,
  ...{ tokensEach: 96, warmUp_tokens: 600, tokensBefore: 150, rounds: 7 },
};

export const BENCH_MODELS = ["sprout", "small"] as const;
export type BenchModelName = (typeof BENCH_MODELS)[number];

/** Runs with the bundled model, or with one of random weights that is written for the time of it. */
export async function withBenchModel<T>(name: BenchModelName, run: (model: BenchModel) => Promise<T>): Promise<T> {
  if (name === "sprout") return run(sprout);
  const folder = await mkdtemp(path.join(tmpdir(), "umbel-bench-"));
  try {
    const weights = path.join(folder, `${SMALL_MODEL.name}.gguf`);
    await writeRandomModel(weights, SMALL_MODEL, sprout.weights);
    return await run({ name, weights, isBundled: false, tokensEach: 32, warmUp_tokens: 16, tokensBefore: 30, rounds: 3 });
  } finally {
    await rm(folder, { recursive: true });
  }
}
