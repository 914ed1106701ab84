import { chatRequest } from "@umbel/dialects";
import {
  challenge,
  count,
  deviceKey,
  errorClass,
  hardware,
  inferenceAccepted,
  inferenceComplete,
  inferenceError,
  inferenceRequest,
  loadModel,
  loadModelStatus,
  manifest,
  modelInfo,
  shortText,
  slot,
  unloadModel,
} from "@umbel/protocol";
import { z } from "zod";

/**
 * What agent and worker say to each other over their pipe. JSON for these; the sealed bytes of requests and chunks travel as binary
 * frames of the wire format unchanged, so the agent forwards them without looking in. The agent never sees private keys, and of plaintext only
 * what programs of its own machine give to it.
 */

export const engineChoice = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("llama.cpp"),
    threads_max: z.number().int().positive().exactOptional(),
    gpuLayers: z.number().int().nonnegative().exactOptional(),
    /** By which interface a graphics card computes; absent is the best that there is. */
    gpu: z.enum(["metal", "cuda", "vulkan"]).exactOptional(),
    /** Without a graphics card nothing is served. */
    needsGpu: z.boolean().exactOptional(),
    /** Type of the key-value cache: `q8_0` takes half of the memory and costs a little accuracy. */
    kvCache: z.enum(["f16", "q8_0"]).exactOptional(),
  }),
  /** For tests and load: no weights are read. */
  z.object({ kind: z.literal("scripted"), script: z.record(z.string(), z.unknown()) }),
]);
export type EngineChoice = z.infer<typeof engineChoice>;

/** What a worker counts from its start on. */
export const workerCounters = {
  requestsServed: count,
  tokensGenerated: count,
  errors: count,
  cancellations: count,
  cancelledBeforeOutput: count,
  cancelledAfterOutput: count,
  /** Also in the ones before output. */
  cancelledWhileLoading: count,
  errorsAfterOutput: count,
  sealingErrors: count,
  /** Answers whose engine did not say how they ended. */
  endsMissing: count,
  /** Answers whose engine did not say what they took. */
  usageMissing: count,
} as const;
export type CounterName = keyof typeof workerCounters;

const workerModel = z.object({
  info: modelInfo,
  /** Absolute path of the first weight file. */
  path: z.string(),
  /** Parallel sequences. */
  sequences: z.number().int().positive(),
  /** What the files must be, byte for byte; the worker checks them again before it loads. The scripted engine reads none. */
  artifact: z.object({ directory: z.string(), manifest }).exactOptional(),
});
export type WorkerModel = z.infer<typeof workerModel>;

/** What actually confines the worker, stated as found, never assumed. */
const workerSandbox = z.object({
  network: z.enum(["namespace", "guarded", "none"]),
  filesystem: z.enum(["permission-model", "none"]),
  coreDumps: z.enum(["disabled", "unknown"]),
});
export type WorkerSandbox = z.infer<typeof workerSandbox>;

/** What can be asked of a model's tokenizer and template. */
const textWork = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tokenize"), text: z.string(), special: z.boolean() }),
  z.object({ kind: z.literal("detokenize"), tokens: z.array(count) }),
  z.object({ kind: z.literal("prompt"), chat: chatRequest }),
]);
export type TextWork = z.infer<typeof textWork>;
const textResult = z.union([
  z.object({ tokens: z.array(count) }),
  z.object({ text: z.string() }),
  z.object({ refused: z.enum(["not_loaded", "vectors_only", "not_a_token", "too_long", "template"]) }),
]);
export type TextResult = z.infer<typeof textResult>;

/** Who reads an answer: a coordinator, or a program of this machine. */
const answerReader = z.enum(["coordinator", "machine"]);
export type AnswerReader = z.infer<typeof answerReader>;

export const toWorker = z.discriminatedUnion("type", [
  /** First message. */
  z.object({
    type: z.literal("start"),
    keyDirectory: z.string(),
    engine: engineChoice,
    models: z.array(workerModel),
    /** Models in memory at once; absent is as many as fit. */
    residentModels_max: z.number().int().positive().exactOptional(),
    /** What models may take in memory together; absent is what the machine has. */
    modelsMemory_bytes_max: z.number().positive().exactOptional(),
    /** What models leave free of the machine's memory in any case; absent is what the worker leaves by itself. */
    memoryReserve_bytes: z.number().nonnegative().exactOptional(),
    /** A model that was not used for so long leaves memory; absent is never. */
    idleUnload_ms: z.number().positive().exactOptional(),
    /** Where prompts are kept, encrypted, when their place in memory is needed; absent is nowhere. */
    prefixCache: z
      .object({
        /** Empty, and this worker's alone. */
        directory: z.string(),
        bytes_max: z.number().positive(),
        /** Beginning of the names of two files in a folder that lies in memory; the worker may make them and nothing else there. */
        scratch: z.string(),
      })
      .exactOptional(),
    /** Rates that a benchmark of this machine has found, by build; they count before what is measured at the start. */
    measured: z
      .record(z.string(), z.object({ decode_tps: z.number().nonnegative(), prefill_tps: z.number().nonnegative() }))
      .exactOptional(),
  }),
  loadModel,
  unloadModel,
  /** One more model of this machine. Answered with `models`, or with `offer_refused`. */
  z.object({ type: z.literal("offer_model"), model: workerModel }),
  /** A model is not asked for any more; it leaves memory when nothing uses it. Answered with `models`. */
  z.object({ type: z.literal("withdraw_model"), model_id: shortText }),
  z.object({ type: z.literal("inference_request"), request: inferenceRequest, reader: answerReader }),
  /** Its answers wait, or go on: the others are not to wait for a reader that does not keep up. */
  z.object({ type: z.literal("hold_answers"), reader: answerReader, isHeld: z.boolean() }),
  /** The same of one answer, until it is cancelled. */
  z.object({ type: z.literal("hold_answer"), request_id: z.string(), isHeld: z.boolean() }),
  z.object({ type: z.literal("cancel"), request_id: z.string() }),
  /** For a program of this machine, of a model in memory. Answered with `text_done`. */
  z.object({ type: z.literal("text_work"), id: count, model_id: shortText, work: textWork }),
  z.object({ type: z.literal("sign_registration"), id: count, claims: z.record(z.string(), z.unknown()) }),
  z.object({ type: z.literal("sign_challenge"), id: count, challenge, sessionId: shortText }),
  z.object({ type: z.literal("shutdown") }),
]);
export type ToWorker = z.infer<typeof toWorker>;
export type PrefixCacheGrant = NonNullable<Extract<ToWorker, { type: "start" }>["prefixCache"]>;

/** Why a worker cannot start and a restart would not help. */
const startFailure = z.enum(["key_exposed", "key_invalid", "key_unwritable", "inspector_attached", "no_gpu"]);
export type StartFailure = z.infer<typeof startFailure>;

const loadFailure = z.object({ build: shortText, code: errorClass, message: shortText });
export type LoadFailure = z.infer<typeof loadFailure>;

export const fromWorker = z.discriminatedUnion("type", [
  /** Keys exist; `models` are offered, those that fit together in memory already. What failed is in `failures`. */
  z.object({
    type: z.literal("ready"),
    device_key: deviceKey,
    /** Base64 of the raw X25519 public key. */
    encryption_key: z.string(),
    backend: shortText,
    models: z.array(modelInfo),
    failures: z.array(loadFailure),
    sandbox: workerSandbox,
    /** Cards with memory of their own that compute. */
    gpus: hardware.shape.gpus,
    /** Why prompts are not kept on the disk although they were to be. */
    prefixCacheRefused: shortText.exactOptional(),
    decode_tps: z.number(),
    prefill_tps: z.number(),
  }),
  z.object({ type: z.literal("failed"), code: startFailure }),
  /** A control message of the wire protocol for the coordinator, forwarded as is. */
  z.object({ type: z.literal("forward"), message: z.discriminatedUnion("type", [inferenceAccepted, inferenceComplete, inferenceError]) }),
  /** What is being loaded now; absent is nothing any more. Whoever sees the worker die knows what it was at. */
  z.object({ type: z.literal("loading"), build: shortText.exactOptional() }),
  /** What became of a `load_model`. */
  loadModelStatus,
  /** A model turned out to be other than `ready` said: everything that is offered, anew. */
  z.object({ type: z.literal("models"), models: z.array(modelInfo) }),
  z.object({ type: z.literal("offer_refused"), failure: loadFailure }),
  z.object({ type: z.literal("text_done"), id: count, result: textResult }),
  z.object({ type: z.literal("signed"), id: count, jws: z.string() }),
  /** The worker does not sign this: it is not what it claims to be, or out of date. */
  z.object({ type: z.literal("sign_refused"), id: count }),
  /** At least once a second, and soon after each change of load. */
  z.object({
    type: z.literal("state"),
    /** Of the models in memory. */
    slots: z.array(slot),
    /** What a load may take, idle models put away first; absent is unknown. */
    freeForLoad_bytes: z.number().nonnegative().exactOptional(),
    requests: z.object({
      /** Requests that the worker was given until now, refused ones included. */
      received: count,
      /** Those under way. */
      open: z.array(z.string()),
      /** Those that the slots count, local ones included. */
      counted: z.array(z.object({ id: z.string(), build: shortText, tokens: count, places: count })),
    }),
    ...workerCounters,
    rss_bytes: count,
  }),
]);
export type FromWorker = z.infer<typeof fromWorker>;
