import path from "node:path";
import type { ModelInfo } from "@umbel/protocol";
import type { LocalModel, ModelStore } from "../models/model-store.js";
import type { EngineChoice, WorkerModel } from "../worker/pipe-messages.js";
import { ProviderError } from "./provider-error.js";

/** How models are served where nothing else is said of one. */
export interface ServedShape {
  /** Answers at the same time. */
  readonly sequences: number;
  /** No model is served with a longer context; absent is as long as each allows. */
  readonly contextLength_tokens_max?: number | undefined;
}

type Wanted = { readonly id: string; readonly sequences?: number } | { readonly info: ModelInfo; readonly sequences?: number };

/** @throws ProviderError `unknown_models`, `no_models`; ModelError for a damaged record */
export async function selectModels(
  wanted: readonly Wanted[],
  engine: EngineChoice["kind"],
  store: ModelStore,
  shape: ServedShape,
): Promise<WorkerModel[]> {
  const local = new Map((await store.listModels()).map((model) => [model.info.id, model]));
  const list: readonly Wanted[] = wanted.length > 0 ? wanted : [...local.keys()].map((id) => ({ id }));
  const unknown = list.flatMap((entry) =>
    "id" in entry ? (local.has(entry.id) ? [] : [entry.id]) : engine === "scripted" ? [] : [entry.info.id],
  );
  if (unknown.length > 0) throw new ProviderError("unknown_models", `These models are not on this machine: ${unknown.join(", ")}.`);
  const models = list.flatMap((entry) => {
    const own = { ...shape, sequences: entry.sequences ?? shape.sequences };
    if ("info" in entry) return [{ info: within(entry.info, shape), path: "", sequences: own.sequences }];
    const model = local.get(entry.id);
    return model === undefined ? [] : [workerModel(model, own)];
  });
  if (models.length === 0) throw new ProviderError("no_models", "There is no model to serve. Import one first.");
  return models;
}

export function workerModel({ info, manifest, directory }: LocalModel, shape: ServedShape): WorkerModel {
  const weight = manifest.files.filter((file) => file.role === "weight").sort((a, b) => (a.path < b.path ? -1 : 1))[0];
  if (weight === undefined) throw new ProviderError("unknown_models", `The manifest of ${info.id} lists no weights.`);
  const artifact = { directory, manifest };
  return { info: within(info, shape), path: path.join(directory, weight.path), sequences: shape.sequences, artifact };
}

function within(info: ModelInfo, { contextLength_tokens_max = info.context_length }: ServedShape): ModelInfo {
  return { ...info, context_length: Math.min(info.context_length, contextLength_tokens_max) };
}
