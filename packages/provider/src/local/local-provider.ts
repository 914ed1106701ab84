import { randomUUID } from "node:crypto";
import { isIP } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { requestId } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { z } from "zod";
import { type ProviderDependencies, providerOptions } from "../agent/options.js";
import { asProviderError, notLoadedError, ProviderError, startFailureError } from "../agent/provider-error.js";
import { selectModels } from "../agent/select-models.js";
import { providerVersion } from "../agent/version.js";
import { type Ready, WorkerSupervisor } from "../agent/worker-supervisor.js";
import { findConfinement } from "../evidence/confinement.js";
import { createModelStore } from "../models/model-store.js";
import {
  type DiscoveryRecord,
  LocalKeyError,
  localKey,
  readDiscoveryRecord,
  removeDiscoveryRecord,
  writeDiscoveryRecord,
} from "./local-files.js";
import { askableModels } from "./local-models.js";
import { LocalRequests } from "./local-requests.js";
import { createLocalServer, type LocalServer } from "./server.js";

const ownWorkerEntry = fileURLToPath(new URL("../worker/main.js", import.meta.url));

/** Settings of a machine that serves its own programs only. */
export const localOptions = providerOptions
  .pick({ home: true, models: true, engine: true, modelsResident_max: true, modelsMemory_gb_max: true, idleUnload_minutes: true })
  .extend({
    /** Where it listens: this machine only, unless it is told otherwise. */
    host: z.string().min(1).default("127.0.0.1"),
    /** 0 is any free one. */
    port: z.number().int().min(0).max(65_535).default(8000),
    /** Whether a key is asked for. Without one only this machine can be listened on. */
    requiresKey: z.boolean().default(true),
    /** Origins of web pages that may ask, as a browser writes them. */
    origins: z.array(z.string()).default([]),
    /** Names by which the endpoint may be called, besides `localhost`, addresses and the machine's own name. */
    hostNames: z.array(z.string()).default([]),
  })
  .refine(({ requiresKey, host }) => requiresKey || isLoopback(host), {
    error: "without a key only this machine itself may be listened on (127.0.0.1, ::1 or localhost)",
    path: ["host"],
  });
export type LocalOptions = z.input<typeof localOptions>;

/** An endpoint on this machine, with no coordinator. */
export interface LocalProvider {
  /** Resolves when it listens, the models are there, and other programs can find it. @throws ProviderError */
  start(): Promise<DiscoveryRecord>;
  readonly failures: Ready["failures"];
  /** Takes no more requests, lets those under way finish for up to `grace_ms`, cancels the rest, and ends the worker. */
  stop(grace_ms: number): Promise<void>;
  /** Resolves with the reason when it has given up. */
  readonly ended: Promise<ProviderError>;
}

/** @throws ZodError for options that are not valid */
export function createLocalProvider(options: LocalOptions, dependencies: Omit<ProviderDependencies, "guestSources">): LocalProvider {
  return new Local(localOptions.parse(options), dependencies);
}

class Local implements LocalProvider {
  readonly ended: Promise<ProviderError>;
  readonly #options: z.output<typeof localOptions>;
  readonly #dependencies: Omit<ProviderDependencies, "guestSources">;
  readonly #keyDirectory: string;
  #parts: { readonly server: LocalServer; readonly requests: LocalRequests; readonly supervisor: WorkerSupervisor } | undefined;
  #failures: Ready["failures"] = [];
  #record: DiscoveryRecord | undefined;
  #onFirstReady: (ready: Ready) => void = () => undefined;
  #settleEnded: (error: ProviderError) => void = () => undefined;

  constructor(options: z.output<typeof localOptions>, dependencies: Omit<ProviderDependencies, "guestSources">) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#keyDirectory = path.join(options.home, "keys");
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
  }

  get failures(): Ready["failures"] {
    return this.#failures;
  }

  async start(): Promise<DiscoveryRecord> {
    const { home, host } = this.#options;
    try {
      const running = await readDiscoveryRecord(home);
      if (running !== undefined) throw alreadyRunning(running);
      const key = this.#options.requiresKey ? await localKey(home) : undefined;
      const models = await selectModels(this.#options.models, this.#options.engine.kind, createModelStore({ home }));
      const { logger, clock = systemClock } = this.#dependencies;
      const supervisor = await this.#supervisor(models);
      const requests = new LocalRequests(supervisor, () => requestId.parse(randomUUID()));
      const askable = await askableModels(models);
      const { origins, hostNames } = this.#options;
      const server = createLocalServer({
        ...{ models: askable, requests, clock, logger, origins, hostNames, host, port: this.#options.port },
        newId: () => randomUUID(),
        version: providerVersion,
        ...(key !== undefined && { key }),
      });
      this.#parts = { server, requests, supervisor };
      // Before the models are loaded, which takes long: a port that is taken should be known at once.
      const port = await server.listen().catch((error: unknown) => {
        throw notListening(error, host, this.#options.port);
      });
      await this.#firstWorker(supervisor);
      const record: DiscoveryRecord = {
        api_key: key ?? null,
        base_url: `http://${authority(host)}:${port}/v1`,
        host,
        models: askable.map(({ name }) => name),
        pid: process.pid,
        port,
        updated_at: clock.date().toISOString(),
        version: providerVersion,
      };
      this.#record = record;
      await writeDiscoveryRecord(home, record);
      return record;
    } catch (error) {
      await this.stop(0);
      throw error instanceof LocalKeyError ? new ProviderError("local_key", error.message) : asProviderError(error, this.#keyDirectory);
    }
  }

  async stop(grace_ms: number): Promise<void> {
    const { clock = systemClock } = this.#dependencies;
    const { server, requests, supervisor } = this.#parts ?? {};
    const idle = requests?.drain() ?? Promise.resolve();
    let cancel: () => void = () => undefined;
    const patience = new Promise<void>((resolve) => {
      cancel = clock.setTimer(grace_ms, resolve);
    });
    await Promise.race([idle, patience]);
    cancel();
    requests?.cancelAll();
    await server?.close();
    await supervisor?.stop();
    if (this.#record !== undefined) await removeDiscoveryRecord(this.#options.home, this.#record);
  }

  async #supervisor(models: Awaited<ReturnType<typeof selectModels>>): Promise<WorkerSupervisor> {
    const { engine, modelsResident_max: residentModels_max, modelsMemory_gb_max, idleUnload_minutes } = this.#options;
    const { logger, clock = systemClock, random = Math.random, workerEntry: entry = ownWorkerEntry } = this.#dependencies;
    return new WorkerSupervisor({
      ...{ entry, engine, models, clock, random, logger },
      confinement: await findConfinement(),
      keyDirectory: this.#keyDirectory,
      ...(residentModels_max !== undefined && { residentModels_max }),
      ...(modelsMemory_gb_max !== undefined && { modelsMemory_bytes_max: modelsMemory_gb_max * 2 ** 30 }),
      ...(idleUnload_minutes > 0 && { idleUnload_ms: idleUnload_minutes * 60_000 }),
      onReady: (ready) => this.#onReady(ready),
      onState: () => undefined,
      onLoadStatus: () => undefined,
      onModels: () => undefined,
      onForward: (message) => this.#parts?.requests.onForward(message),
      onFrame: (frame) => this.#parts?.requests.onFrame(frame),
      onLost: () => this.#parts?.requests.onWorkerLost(),
      onFailed: (code) => this.#settleEnded(startFailureError(code, this.#keyDirectory)),
    });
  }

  #onReady(ready: Ready): void {
    this.#failures = ready.failures;
    for (const { build, code, message } of ready.failures) {
      this.#dependencies.logger.error({ build, code, reason: message }, "a model could not be loaded");
    }
    this.#onFirstReady(ready);
  }

  async #firstWorker(supervisor: WorkerSupervisor): Promise<void> {
    const ready = new Promise<Ready>((resolve) => {
      this.#onFirstReady = resolve;
    });
    await supervisor.start();
    const first = await Promise.race([ready, this.ended]);
    if (first instanceof ProviderError) throw first;
    if (first.models.length === 0) throw notLoadedError(first.failures);
  }
}

/** Addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** What to write into a URL to reach the endpoint from this machine. */
function authority(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return isIP(host) === 6 ? `[${host}]` : host;
}

function alreadyRunning({ pid, base_url }: DiscoveryRecord): ProviderError {
  return new ProviderError(
    "already_started",
    `An endpoint of this home runs already: ${base_url} (process ${pid}). Stop it first, or give this one a home of its own.`,
  );
}

function notListening(error: unknown, host: string, port: number): ProviderError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  const why =
    code === "EADDRINUSE"
      ? "another program listens there. Choose another port, or 0 for any free one"
      : code === "EADDRNOTAVAIL"
        ? "this machine has no such address"
        : code === "EACCES"
          ? "it takes more rights than this process has. Choose a port above 1023"
          : `the system says ${code}`;
  return new ProviderError("local_address", `Cannot listen on ${host}:${port}: ${why}.`, { cause: error });
}
