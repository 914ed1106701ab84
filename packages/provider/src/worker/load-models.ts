import path from "node:path";
import { type Clock, type ErrorClass, ManifestError, type ModelInfo } from "@umbel/protocol";
import { type ChatModel, checkChatTemplate, createChatModel } from "../chat/index.js";
import { createEmbedModel } from "../embed/index.js";
import { EngineError, type InferenceEngine, type LoadOptions } from "../engine/engine.js";
import { ModelError } from "../models/model-error.js";
import { verifyModel } from "../models/verify-model.js";
import type { EngineChoice, LoadFailure, WorkerModel } from "./pipe-messages.js";

export interface ServedModel {
  readonly info: ModelInfo;
  /** What answers its requests: a chat model, or an embed model of the same face. */
  readonly model: ChatModel;
}

export interface LoadContext {
  readonly engine: InferenceEngine;
  readonly choice: EngineChoice;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** An engine has fallen silent, and this process should be replaced. */
  readonly onEngineCrash: () => void;
}

/** Loads one model after another, so that two loads never compete for memory. A model that fails is reported and the next one tried. */
export async function loadModels(
  models: readonly WorkerModel[],
  context: LoadContext,
): Promise<{ readonly served: readonly ServedModel[]; readonly failures: readonly LoadFailure[] }> {
  const served: ServedModel[] = [];
  const failures: LoadFailure[] = [];
  for (const model of models) {
    try {
      served.push(await loadModel(model, context));
    } catch (error) {
      failures.push({ build: model.info.id, code: classOf(error), message: messageOf(error) });
    }
  }
  return { served, failures };
}

/** The bytes are hashed by the process that loads them, and once more looked at afterwards: what is reported is what is in memory. */
async function loadModel(model: WorkerModel, context: LoadContext): Promise<ServedModel> {
  const verified = context.choice.kind === "scripted" ? undefined : await verifyArtifact(model);
  const served = makesVectors(model.info) ? await loadEmbedModel(model, context) : await loadChatModel(model, context);
  if (verified !== undefined && !(await verified.stillHolds())) {
    await served.model.dispose();
    throw new ModelError("changed_while_reading", model.path);
  }
  return served;
}

async function loadChatModel(model: WorkerModel, { engine, choice, ...context }: LoadContext): Promise<ServedModel> {
  const loaded = await engine.load({ buildId: model.info.id, path: model.path }, loadOptions(model, choice));
  const rendersTemplate = checkChatTemplate(loaded, context.clock.date());
  const info = {
    ...model.info,
    // What the build could do elsewhere is not offered from here.
    capabilities: model.info.capabilities.filter((name) => name !== "vision" || loaded.features.has(name)),
    ...(rendersTemplate !== undefined && { template_render_ok: rendersTemplate }),
  };
  return { info, model: createChatModel({ ...context, loaded, info }) };
}

async function loadEmbedModel(model: WorkerModel, { engine, choice, ...context }: LoadContext): Promise<ServedModel> {
  const { info } = model;
  const loaded = await engine.loadEmbedder({ buildId: info.id, path: model.path }, loadOptions(model, choice));
  return { info, model: createEmbedModel({ ...context, loaded, info, concurrency: model.sequences }) };
}

/** A build makes answers or vectors, never both, as in the catalogue. */
export function makesVectors({ capabilities }: ModelInfo): boolean {
  return capabilities.includes("embedding");
}

async function verifyArtifact({ artifact, info, path: weightPath }: WorkerModel): ReturnType<typeof verifyModel> {
  if (artifact === undefined || artifact.manifest.aggregate_sha256 !== info.weight_hash)
    throw new ModelError("manifest_invalid", weightPath);
  const isListed = artifact.manifest.files.some((file) => path.join(artifact.directory, file.path) === weightPath);
  if (!isListed) throw new ModelError("manifest_invalid", weightPath);
  return verifyModel(artifact.manifest, artifact.directory);
}

function loadOptions({ info, sequences }: WorkerModel, choice: EngineChoice): LoadOptions {
  const base = { sequences, contextLength_tokens: info.context_length };
  if (choice.kind === "scripted") return base;
  return {
    ...base,
    ...(choice.threads_max !== undefined && { threads_max: choice.threads_max }),
    ...(choice.gpuLayers !== undefined && { gpuLayers: choice.gpuLayers }),
  };
}

function classOf(error: unknown): ErrorClass {
  if (error instanceof ModelError || error instanceof ManifestError) return "load_failed_artifact";
  if (!(error instanceof EngineError)) return "internal";
  if (error.code === "artifact") return "load_failed_artifact";
  return error.code === "out_of_memory" ? "load_failed_memory" : "internal";
}

/** Only our own errors have messages known to hold nothing but sizes and paths of this machine. */
function messageOf(error: unknown): string {
  const isOurs = error instanceof ModelError || error instanceof ManifestError || error instanceof EngineError;
  return isOurs ? error.message.slice(0, 256) : error instanceof Error ? error.name : typeof error;
}
