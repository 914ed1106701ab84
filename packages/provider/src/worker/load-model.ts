import path from "node:path";
import { type Clock, type ErrorClass, ManifestError, type ModelInfo } from "@umbel/protocol";
import { type ChatModel, checkChatTemplate, createChatModel } from "../chat/index.js";
import { createEmbedModel } from "../embed/index.js";
import { EngineError, type InferenceEngine, type LoadOptions } from "../engine/engine.js";
import type { LoadShape, Memory, MemoryNeed } from "../engine/memory.js";
import { ModelError } from "../models/model-error.js";
import { verifyModel } from "../models/verify-model.js";
import type { EngineChoice, LoadFailure, WorkerModel } from "./pipe-messages.js";
import type { DiskPrefixes } from "./prefix-cache/disk-prefixes.js";

export interface ServedModel {
  readonly info: ModelInfo;
  /** What answers its requests: a chat model, or an embed model of the same face. */
  readonly model: ChatModel;
  /** What the engine has allocated for it. */
  readonly memory: Memory;
}

export interface LoadContext {
  readonly engine: InferenceEngine;
  readonly choice: EngineChoice;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Where prompts are kept whose place in memory is needed; absent is nowhere. */
  readonly prefixes?: DiskPrefixes | undefined;
  /** An engine has fallen silent, and this process should be replaced. */
  readonly onEngineCrash: () => void;
}

/** A model whose files are what they should be. */
export interface PreparedModel {
  readonly model: WorkerModel;
  /** Whether the files are still those that were hashed; undefined where there are none. */
  readonly stillHolds: (() => Promise<boolean>) | undefined;
}

/** How a load is watched, and ended before its end. */
export interface LoadWatch {
  /** Told now and then how far it has come, 0 to 1. */
  readonly onProgress: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** Why a model was not loaded, as it is reported. */
export function loadFailure(model: WorkerModel, error: unknown): LoadFailure {
  return { build: model.info.id, code: classOf(error), message: messageOf(error) };
}

/** Reading a file to hash it takes about as long as loading it. */
const HASHING_SHARE = 0.5;

/** Hashes the model's files. Nothing else looks into them before. */
export async function prepareModel(
  model: WorkerModel,
  { choice }: Pick<LoadContext, "choice">,
  { onProgress, signal }: LoadWatch = { onProgress: () => undefined },
): Promise<PreparedModel> {
  const verified = choice.kind === "scripted" ? undefined : await verifyArtifact(model, (share) => onProgress(share * HASHING_SHARE));
  signal?.throwIfAborted();
  return { model, stillHolds: verified === undefined ? undefined : () => verified.stillHolds() };
}

/** What the model would take; undefined when its file does not tell. Only of one that is prepared: it reads the file. */
export async function estimateNeed({ model }: PreparedModel, { engine, choice }: LoadContext): Promise<MemoryNeed | undefined> {
  const kind = makesVectors(model.info) ? "vectors" : "answers";
  return engine.estimate({ buildId: model.info.id, path: model.path }, loadOptions(wantedShape(model), choice), kind);
}

/**
 * Opens the model without its weights: the engine must know it, and its template must render the usual conversations. Only of one that is prepared.
 *
 * @throws EngineError
 */
export async function probeModel({ model }: PreparedModel, { engine, choice, clock }: LoadContext): Promise<void> {
  const source = { buildId: model.info.id, path: model.path };
  const probed = await engine.probe(source, loadOptions(wantedShape(model), choice));
  if (!makesVectors(model.info) && checkChatTemplate(probed, clock.date()) === false) {
    throw new EngineError("artifact", `the chat template of ${model.info.id} does not render the usual conversations`);
  }
}

/** How the model is loaded where memory allows. */
export function wantedShape({ info, sequences }: WorkerModel): LoadShape {
  // Inputs of an embedder are computed one after the other.
  return { sequences: makesVectors(info) ? 1 : sequences, contextLength_tokens: info.context_length };
}

/** The bytes were hashed by the process that loads them, and are once more looked at afterwards: what is reported is what is in memory. */
export async function loadModel(
  { model, stillHolds }: PreparedModel,
  shape: LoadShape,
  context: LoadContext,
  { onProgress, signal }: LoadWatch,
): Promise<ServedModel> {
  const before = stillHolds === undefined ? 0 : HASHING_SHARE;
  const loading = {
    ...{ ...context, shape },
    watch: { onProgress: (share: number) => onProgress(before + share * (1 - before)), ...(signal !== undefined && { signal }) },
  };
  const served = makesVectors(model.info) ? await loadEmbedModel(model, loading) : await loadChatModel(model, loading);
  if (stillHolds !== undefined && !(await stillHolds())) {
    await served.model.dispose();
    throw new ModelError("changed_while_reading", model.path);
  }
  return served;
}

interface Loading extends LoadContext {
  readonly shape: LoadShape;
  readonly watch: LoadWatch;
}

async function loadChatModel(model: WorkerModel, { engine, choice, shape, watch, prefixes, ...context }: Loading): Promise<ServedModel> {
  const source = { buildId: model.info.id, path: model.path };
  const options = {
    ...loadOptions(shape, choice),
    onProgress: watch.onProgress,
    // The engine and its settings are those of the process, so the weights say which states a model can read.
    ...(prefixes !== undefined && { prefixes: prefixes.of(model.info.weight_hash) }),
  };
  const loaded = await engine.load(source, options, watch.signal);
  const rendersTemplate = checkChatTemplate(loaded, context.clock.date());
  const info = {
    ...model.info,
    // What the build could do elsewhere is not offered from here.
    capabilities: model.info.capabilities.filter((name) => name !== "vision" || loaded.features.has(name)),
    context_length: Math.min(model.info.context_length, loaded.contextLength_tokens),
    ...(rendersTemplate !== undefined && { template_render_ok: rendersTemplate }),
  };
  return { info, model: createChatModel({ ...context, loaded, info }), memory: loaded.memory };
}

async function loadEmbedModel(
  model: WorkerModel,
  { engine, choice, shape, watch, prefixes: _, ...context }: Loading,
): Promise<ServedModel> {
  const source = { buildId: model.info.id, path: model.path };
  const loaded = await engine.loadEmbedder(source, { ...loadOptions(shape, choice), onProgress: watch.onProgress }, watch.signal);
  const info = { ...model.info, context_length: Math.min(model.info.context_length, loaded.contextLength_tokens) };
  return { info, model: createEmbedModel({ ...context, loaded, info, concurrency: model.sequences }), memory: loaded.memory };
}

/** A build makes answers or vectors, never both, as in the catalogue. */
export function makesVectors({ capabilities }: ModelInfo): boolean {
  return capabilities.includes("embedding");
}

/** Hashes the model's files and compares them with its manifest. @throws ModelError, ManifestError */
async function verifyArtifact(
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

/** As the engine is told to load a model. */
export function loadOptions(shape: LoadShape, choice: EngineChoice): LoadOptions {
  if (choice.kind === "scripted") return shape;
  return {
    ...shape,
    ...(choice.threads_max !== undefined && { threads_max: choice.threads_max }),
    ...(choice.gpuLayers !== undefined && { gpuLayers: choice.gpuLayers }),
    ...(choice.gpu !== undefined && { gpu: choice.gpu }),
    ...(choice.kvCache !== undefined && { kvCache: choice.kvCache }),
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
