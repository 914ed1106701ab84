import type { Duplex } from "node:stream";
import { type Clock, type ErrorClass, type InferenceRequest, sha256Hex, shortText } from "@umbel/protocol";
import { z } from "zod";
import type { InferenceEngine } from "../engine/engine.js";
import { NoGpuError } from "../engine/no-gpu-error.js";
import { keyFileIn } from "../evidence/key-directory.js";
import type { SandboxFindings } from "../evidence/observe-sandbox.js";
import { KeyError } from "../vault/device-key-file.js";
import { openVault, type Vault } from "../vault/vault.js";
import { AnswerGates } from "./answer-gates.js";
import { createEngine } from "./create-engine.js";
import { Departures } from "./departures.js";
import { WorkerExit } from "./exit-codes.js";
import { WORKER_LIMITS } from "./limits.js";
import { makesVectors } from "./load-model.js";
import { machineMemory } from "./machine-memory.js";
import { openPipe, type Pipe } from "./pipe.js";
import {
  type AnswerReader,
  type CounterName,
  type EngineChoice,
  type FromWorker,
  type ToWorker,
  toWorker,
  workerCounters,
} from "./pipe-messages.js";
import type { DiskPrefixes } from "./prefix-cache/disk-prefixes.js";
import { openPrefixCache } from "./prefix-cache/open-prefix-cache.js";
import { createRequestTable } from "./request-table.js";
import { ResidentModels } from "./resident-models.js";
import { measure, UNMEASURED } from "./self-benchmark.js";
import { serveRequest } from "./serve-request.js";
import { type StateReports, startStateReports } from "./state-reports.js";
import { doTextWork } from "./text-work.js";

export interface WorkerOptions {
  /** The pipe to the agent, the worker's only connection. */
  readonly stream: Duplex;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sandbox: SandboxFindings;
  /** Whether a debugger is attached; no key is touched then. */
  readonly isDebugged: boolean;
  readonly exit: (code: number) => void;
}

type Message<T extends ToWorker["type"]> = Extract<ToWorker, { type: T }>;

/** Of the claims the agent asks for, the worker takes only what it cannot know better itself. */
const agentClaims = z.object({ version: shortText, runtime_hash: sha256Hex.optional() });

interface Keyed {
  readonly vault: Vault;
  readonly backend: string;
}

/** Speaks with the agent and does what it asks, until the agent says goodbye or is gone. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #pipe: Pipe<FromWorker>;
  readonly #requests;
  readonly #gates: AnswerGates;
  readonly #departures: Departures;
  readonly #reports: StateReports;
  readonly #counters = Object.fromEntries(Object.keys(workerCounters).map((name) => [name, 0])) as Record<CounterName, number>;
  #received = 0;
  #keyed: Keyed | undefined;
  #models: ResidentModels | undefined;
  #prefixes: DiskPrefixes | undefined;
  #isStarted = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#requests = createRequestTable(options.clock);
    this.#pipe = openPipe<ToWorker, FromWorker>(options.stream, {
      parse: (value) => toWorker.parse(value),
      onControl: (message) => this.#onControl(message),
      onWire: (frame) => this.#requests.body(frame),
      onClose: (error) => options.exit(error === undefined ? WorkerExit.done : WorkerExit.brokenPipe),
    });
    this.#gates = new AnswerGates(this.#pipe);
    this.#departures = new Departures(options.clock);
    this.#reports = startStateReports(options.clock, () => this.#report());
  }

  #onControl(message: ToWorker): void {
    switch (message.type) {
      case "start":
        this.#supervise(this.#start(message));
        break;
      case "inference_request":
        this.#received++;
        this.#admit(message.request, message.reader);
        break;
      case "hold_answers":
        this.#gates.set(message.reader, message.isHeld);
        break;
      case "hold_answer":
        if (this.#requests.ids().includes(message.request_id)) this.#gates.set(message.request_id, message.isHeld);
        break;
      case "cancel":
        if (this.#requests.cancel(message.request_id)) this.#counters.cancellations++;
        this.#gates.set(message.request_id, false);
        break;
      case "load_model":
        this.#supervise(this.#load(message));
        break;
      case "unload_model":
        this.#supervise(this.#models?.unload(message.model_id) ?? Promise.resolve());
        break;
      case "offer_model":
        this.#supervise(this.#offer(message));
        break;
      case "withdraw_model":
        this.#models?.withdraw(message.model_id);
        break;
      case "text_work":
        this.#pipe.sendControl({
          type: "text_done",
          id: message.id,
          result: doTextWork(this.#textToolsOf(message.model_id), message.work),
        });
        break;
      case "sign_registration":
        this.#supervise(this.#signRegistration(message));
        break;
      case "sign_challenge":
        this.#supervise(this.#signChallenge(message));
        break;
      case "shutdown":
        this.#supervise(this.#leave(WorkerExit.done));
    }
  }

  async #start(message: Message<"start">): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { keyDirectory, engine: choice } = message;
    const { clock, random, sandbox } = this.#options;
    const vault = await this.#openVault(keyDirectory);
    if (vault === undefined) return;
    const engine = await this.#openEngine(choice);
    if (engine === undefined) return;
    this.#keyed = { vault, backend: engine.id };
    const { prefixes, refused } = openPrefixCache(message.prefixCache, clock);
    this.#prefixes = prefixes;
    const onEngineCrash = () => this.#options.exit(WorkerExit.engineSilent);
    const models = new ResidentModels({
      ...{ engine, choice, clock, random, onEngineCrash, prefixes },
      limits: {
        models_max: Math.min(message.residentModels_max ?? WORKER_LIMITS.residentModels_max, WORKER_LIMITS.residentModels_max),
        memory_bytes_max: message.modelsMemory_bytes_max,
        reserve_bytes: message.memoryReserve_bytes,
        // A scripted model takes no memory, whatever its description says.
        machine: () => (choice.kind === "scripted" ? undefined : machineMemory()),
      },
      ...(choice.kind !== "scripted" && { held_bytes: () => process.memoryUsage.rss() }),
      ...(message.idleUnload_ms !== undefined && { idleUnload_ms: message.idleUnload_ms }),
      onLoading: (build) => this.#pipe.sendControl({ type: "loading", ...(build !== undefined && { build }) }),
      onChange: () => this.#reports.changed(),
      onInfo: () => {
        if (this.#models !== undefined) this.#pipe.sendControl({ type: "models", models: [...models.offered] });
      },
    });
    const failures = await models.start(message.models);
    this.#models = models;
    const first = models.served.find(({ info }) => !makesVectors(info)) ?? models.served[0];
    const measured = first === undefined || choice.kind === "scripted" ? UNMEASURED : await measure(first, clock);
    const rates = message.measured?.[first?.info.id ?? ""] ?? measured;
    // The agent registers as soon as it hears `ready`, and its first heartbeat should hold the slots.
    this.#report();
    const cards = await engine.cards();
    this.#pipe.sendControl({
      type: "ready",
      device_key: vault.deviceKey,
      encryption_key: vault.encryptionKey,
      backend: engine.id,
      models: [...models.offered],
      failures: [...failures],
      sandbox,
      gpus: cards.slice(0, WORKER_LIMITS.cards_max).map(({ name, api, memory_bytes }) => ({ name, api, vram_gb: memory_bytes / 2 ** 30 })),
      ...(refused !== undefined && { prefixCacheRefused: refused }),
      ...rates,
    });
  }

  async #openVault(keyDirectory: string): Promise<Vault | undefined> {
    const { clock, isDebugged } = this.#options;
    try {
      if (!isDebugged) return await openVault({ keyFile: keyFileIn(keyDirectory), clock });
      this.#pipe.sendControl({ type: "failed", code: "inspector_attached" });
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      this.#pipe.sendControl({ type: "failed", code: error.code });
    }
    await this.#leave(WorkerExit.failed);
    return undefined;
  }

  async #openEngine(choice: EngineChoice): Promise<InferenceEngine | undefined> {
    const { clock, random } = this.#options;
    try {
      return await createEngine(choice, { clock, random, crash: () => process.abort() });
    } catch (error) {
      if (!(error instanceof NoGpuError)) throw error;
      this.#pipe.sendControl({ type: "failed", code: "no_gpu" });
    }
    await this.#leave(WorkerExit.failed);
    return undefined;
  }

  /** A second request with the id of one under way is dropped: an answer to it would end the first. */
  #admit(request: InferenceRequest, reader: AnswerReader): void {
    if (this.#requests.has(request.request_id)) return;
    const refusal = this.#refusalOf(request);
    if (this.#keyed === undefined || this.#models === undefined || refusal !== undefined) {
      this.#counters.errors++;
      const error_class = refusal ?? "not_loaded";
      this.#pipe.sendControl({ type: "forward", message: { type: "inference_error", request_id: request.request_id, error_class } });
      return;
    }
    this.#supervise(this.#serve(request, { reader, models: this.#models, vault: this.#keyed.vault }));
    this.#reports.changed();
  }

  #refusalOf(request: InferenceRequest): ErrorClass | undefined {
    if (request.body_bytes > WORKER_LIMITS.sealedBody_bytes_max) return "client_request";
    if (this.#requests.size >= WORKER_LIMITS.requests_max) return "capacity_queue";
    return this.#models?.refusalOf(request.build_id);
  }

  #textToolsOf(build: string): Parameters<typeof doTextWork>[0] {
    const served = this.#models?.served.find(({ info }) => info.id === build);
    return served === undefined ? "not_loaded" : (served.model.text ?? "vectors_only");
  }

  async #load({ model_id, evict = [] }: Message<"load_model">): Promise<void> {
    this.#pipe.sendControl({ type: "load_model_status", model_id, status: "started" });
    const reason = this.#models === undefined ? "other" : await this.#models.load(model_id, evict);
    // Whoever hears that it is there should find it in the figures.
    this.#report();
    const end = reason === undefined ? ({ status: "succeeded" } as const) : ({ status: "failed", reason } as const);
    this.#pipe.sendControl({ type: "load_model_status", model_id, ...end });
  }

  async #offer({ model }: Message<"offer_model">): Promise<void> {
    const failure = await this.#models?.offer(model);
    if (failure !== undefined) this.#pipe.sendControl({ type: "offer_refused", failure });
  }

  async #serve(
    request: InferenceRequest,
    { reader, models, vault }: { readonly reader: AnswerReader; readonly models: ResidentModels; readonly vault: Vault },
  ): Promise<void> {
    const open = this.#requests.open(request);
    const outcome = await serveRequest({
      ...open,
      useModel: (onLoading) => models.use(request.build_id, open.signal, onLoading, WORKER_LIMITS.loadReport_ms),
      vault,
      clock: this.#options.clock,
      departures: this.#departures,
      sink: this.#gates.sinkOf(reader, request.request_id),
      forward: (message) => this.#pipe.sendControl({ type: "forward", message }),
      counted: (name) => this.#counters[name]++,
    });
    this.#requests.close(request.request_id);
    this.#gates.set(request.request_id, false);
    if (outcome.type === "complete") {
      this.#counters.requestsServed++;
      this.#counters.tokensGenerated += outcome.usage.completion_tokens;
    } else if (outcome.errorClass !== "cancelled") {
      this.#counters.errors++;
    }
    this.#reports.changed();
  }

  async #signRegistration({ id, claims }: Message<"sign_registration">): Promise<void> {
    const parsed = agentClaims.safeParse(claims);
    if (this.#keyed === undefined || !parsed.success) {
      this.#pipe.sendControl({ type: "sign_refused", id });
      return;
    }
    const { vault, backend } = this.#keyed;
    const { version, runtime_hash } = parsed.data;
    const weight_hashes = Object.fromEntries((this.#models?.offered ?? []).map((info) => [info.id, info.weight_hash]));
    const jws = await vault.signRegistration({
      ...{ version, backend, weight_hashes, sandbox: this.#options.sandbox },
      ...(runtime_hash !== undefined && { runtime_hash }),
    });
    this.#pipe.sendControl({ type: "signed", id, jws });
  }

  async #signChallenge({ id, challenge, sessionId }: Message<"sign_challenge">): Promise<void> {
    const jws = await this.#keyed?.vault.signChallenge(challenge, sessionId);
    this.#pipe.sendControl(jws === undefined ? { type: "sign_refused", id } : { type: "signed", id, jws });
  }

  #report(): void {
    const freeForLoad_bytes = this.#models?.freeForLoad_bytes();
    this.#pipe.sendControl({
      ...{ type: "state", slots: this.#models?.slots() ?? [], ...this.#counters, rss_bytes: process.memoryUsage.rss() },
      requests: { received: this.#received, open: [...this.#requests.ids()], counted: this.#models?.counted() ?? [] },
      ...(freeForLoad_bytes !== undefined && { freeForLoad_bytes }),
    });
  }

  async #leave(code: number): Promise<void> {
    this.#reports.stop();
    this.#requests.cancelAll();
    await this.#pipe.end();
    await this.#prefixes?.close();
    this.#options.exit(code);
  }

  /** What is not expected ends the process: the agent answers for its requests and starts another. */
  #supervise(task: Promise<void>): void {
    task.catch(() => this.#options.exit(WorkerExit.uncaught));
  }
}
