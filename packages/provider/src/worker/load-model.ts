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

/** Why a model was not loaded, as it is reported. */
export function loadFailure(model: WorkerModel, error: unknown): LoadFailure {
  return { build: model.info.id, code: classOf(error), message: messageOf(error) };
}

/** Reading a file to hash it takes about as long as loading it. */
const HASHING_SHARE = 0.5;

/**
 * The bytes are hashed by the process that loads them, and once more looked at afterwards: what is reported is what is in memory.
 *
 * @param onProgress told now and then how far it has come, 0 to 1
 */
export async function loadModel(
  model: WorkerModel,
  context: LoadContext,
  onProgress: (share: number) => void = () => undefined,
): Promise<ServedModel> {
  const hashes = context.choice.kind !== "scripted";
  const verified = hashes ? await verifyArtifact(model, (share) => onProgress(share * HASHING_SHARE)) : undefined;
  const hashed = hashes ? HASHING_SHARE : 0;
  const loading = { ...context, onProgress: (share: number) => onProgress(hashed + share * (1 - hashed)) };
  const served = makesVectors(model.info) ? await loadEmbedModel(model, loading) : await loadChatModel(model, loading);
  if (verified !== undefined && !(await verified.stillHolds())) {
    await served.model.dispose();
    throw new ModelError("changed_while_reading", model.path);
  }
  return served;
}

interface Loading extends LoadContext {
  readonly onProgress: (share: number) => void;
}

async function loadChatModel(model: WorkerModel, { engine, choice, onProgress, ...context }: Loading): Promise<ServedModel> {
  const loaded = await engine.load({ buildId: model.info.id, path: model.path }, { ...loadOptions(model, choice), onProgress });
  const rendersTemplate = checkChatTemplate(loaded, context.clock.date());
  const info = {
    ...model.info,
    // What the build could do elsewhere is not offered from here.
    capabilities: model.info.capabilities.filter((name) => name !== "vision" || loaded.features.has(name)),
    ...(rendersTemplate !== undefined && { template_render_ok: rendersTemplate }),
  };
  return { info, model: createChatModel({ ...context, loaded, info }) };
}

async function loadEmbedModel(model: WorkerModel, { engine, choice, onProgress, ...context }: Loading): Promise<ServedModel> {
  const { info } = model;
  const loaded = await engine.loadEmbedder({ buildId: info.id, path: model.path }, { ...loadOptions(model, choice), onProgress });
  return { info, model: createEmbedModel({ ...context, loaded, info, concurrency: model.sequences }) };
}

/** A build makes answers or vectors, never both, as in the catalogue. */
export function makesVectors({ capabilities }: ModelInfo): boolean {
  return capabilities.includes("embedding");
}

/** Hashes the model's files and compares them with its manifest. @throws ModelError, ManifestError */
export async function verifyArtifact(
  { artifact, info, path: weightPath }: WorkerModel,
  onProgress: (share: number) => void = () => undefined,
): ReturnType<typeof verifyModel> {
  if (artifact === undefined || artifact.manifest.aggregate_sha256 !== info.weight_hash)
    throw new ModelError("manifest_invalid", weightPath);
  const isListed = artifact.manifest.files.some((file) => path.join(artifact.directory, file.path) === weightPath);
  if (!isListed) throw new ModelError("manifest_invalid", weightPath);
  let read_bytes = 0;
  return verifyModel(artifact.manifest, artifact.directory, {
    onRead(bytes) {
      read_bytes += bytes;
      onProgress(read_bytes / Math.max(artifact.manifest.total_size_bytes, read_bytes));
    },
  });
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
