import path from "node:path";
import type { ModelInfo } from "@umbel/protocol";
import type { LocalModel, ModelStore } from "../models/model-store.js";
import type { EngineChoice, WorkerModel } from "../worker/pipe-messages.js";
import { ProviderError } from "./provider-error.js";

/** Parallel sequences of a model for which nothing else is said. */
export const defaultSequences = 4;

type Wanted = { readonly id: string; readonly sequences?: number } | { readonly info: ModelInfo; readonly sequences?: number };

/** @throws ProviderError `unknown_models`, `no_models`; ModelError for a damaged record */
export async function selectModels(wanted: readonly Wanted[], engine: EngineChoice["kind"], store: ModelStore): Promise<WorkerModel[]> {
  const local = new Map((await store.listModels()).map((model) => [model.info.id, model]));
  const list: readonly Wanted[] = wanted.length > 0 ? wanted : [...local.keys()].map((id) => ({ id }));
  const unknown = list.flatMap((entry) =>
    "id" in entry ? (local.has(entry.id) ? [] : [entry.id]) : engine === "scripted" ? [] : [entry.info.id],
  );
  if (unknown.length > 0) throw new ProviderError("unknown_models", `These models are not on this machine: ${unknown.join(", ")}.`);
  const models = list.flatMap((entry) => {
    const sequences = entry.sequences ?? defaultSequences;
    if ("info" in entry) return [{ info: entry.info, path: "", sequences }];
    const model = local.get(entry.id);
    return model === undefined ? [] : [workerModel(model, sequences)];
  });
  if (models.length === 0) throw new ProviderError("no_models", "There is no model to serve. Import one first.");
  return models;
}

export function workerModel({ info, manifest, directory }: LocalModel, sequences: number): WorkerModel {
  const weight = manifest.files.filter((file) => file.role === "weight").sort((a, b) => (a.path < b.path ? -1 : 1))[0];
  if (weight === undefined) throw new ProviderError("unknown_models", `The manifest of ${info.id} lists no weights.`);
  return { info, path: path.join(directory, weight.path), sequences, artifact: { directory, manifest } };
}
