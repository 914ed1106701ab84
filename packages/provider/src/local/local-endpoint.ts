import { randomUUID } from "node:crypto";
import { isIP } from "node:net";
import { type Clock, requestId } from "@umbel/protocol";
import type { Logger } from "../session/types.js";
import type { WorkerModel } from "../worker/pipe-messages.js";
import { EndpointError } from "./endpoint-error.js";
import type { EndpointOptions } from "./endpoint-options.js";
import type { Figures } from "./figures.js";
import { KeptResponses } from "./kept-responses.js";
import {
  type DiscoveryRecord,
  LocalKeyError,
  localKey,
  readDiscoveryRecord,
  removeDiscoveryRecord,
  writeDiscoveryRecord,
} from "./local-files.js";
import { type AskableModel, askableModels } from "./local-models.js";
import { LocalRequests, type WorkerPort } from "./local-requests.js";
import type { LocalServer } from "./server.js";
import type { AskTextWork } from "./text-routes.js";

export interface EndpointParts {
  readonly home: string;
  /** Of this program. */
  readonly version: string;
  readonly options: EndpointOptions;
  readonly worker: WorkerPort & { readonly askTextWork: AskTextWork };
  readonly figures: () => Omit<Figures, "inFlight">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The endpoint of this machine's own programs, in front of a worker that somebody else supervises: its address, its key, and how it is found. */
export class LocalEndpoint {
  /** What comes from the worker for programs of this machine goes here. */
  readonly requests: LocalRequests;
  readonly #parts: EndpointParts;
  #models: readonly AskableModel[] = [];
  #server: LocalServer | undefined;
  #key: string | undefined;
  #port = 0;
  #record: DiscoveryRecord | undefined;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.requests = new LocalRequests(parts.worker, () => requestId.parse(randomUUID()), parts.clock);
  }

  /** How other programs find it; undefined until it was announced. */
  get record(): DiscoveryRecord | undefined {
    return this.#record;
  }

  get isListening(): boolean {
    return this.#server !== undefined;
  }

  /** Takes its address. @throws EndpointError when another endpoint of this home runs, the key cannot be relied on, or the address is taken */
  async listen(): Promise<void> {
    const { home, options, version, clock, logger } = this.#parts;
    const { host, port, requiresKey, origins, hostNames } = options;
    const running = await readDiscoveryRecord(home);
    if (running !== undefined) throw alreadyRunning(running);
    this.#key = requiresKey ? await keyOf(home) : undefined;
    // Most machines serve a coordinator alone, and most commands serve nobody: they need no HTTP server.
    const { createLocalServer } = await import("./server.js");
    const server = createLocalServer({
      askTextWork: (build, work) => this.#parts.worker.askTextWork(build, work),
      ...{ requests: this.requests, clock, logger, origins, hostNames, host, port },
      kept: new KeptResponses(clock),
      models: () => this.#models,
      figures: () => ({ ...this.#parts.figures(), inFlight: this.requests.inFlight }),
      newId: () => randomUUID(),
      version,
      ...(this.#key !== undefined && { key: this.#key }),
    });
    this.#port = await server.listen().catch((error: unknown) => {
      throw notListening(error, host, port);
    });
    this.#server = server;
  }

  /** Offers these models, and tells other programs where they are. */
  async announce(models: readonly WorkerModel[]): Promise<DiscoveryRecord> {
    const { home, options, version, clock } = this.#parts;
    this.#models = await askableModels(models);
    const record: DiscoveryRecord = {
      api_key: this.#key ?? null,
      base_url: `http://${authority(options.host)}:${this.#port}/v1`,
      host: options.host,
      models: this.#models.map(({ name }) => name),
      pid: process.pid,
      port: this.#port,
      updated_at: clock.date().toISOString(),
      version,
    };
    this.#record = record;
    await writeDiscoveryRecord(home, record);
    return record;
  }

  async close(): Promise<void> {
    await this.#server?.close();
    if (this.#record !== undefined) await removeDiscoveryRecord(this.#parts.home, this.#record);
  }
}

async function keyOf(home: string): Promise<string> {
  try {
    return await localKey(home);
  } catch (error) {
    throw error instanceof LocalKeyError ? new EndpointError("local_key", error.message, { cause: error }) : error;
  }
}

/** What to write into a URL to reach the endpoint from this machine. */
function authority(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return isIP(host) === 6 ? `[${host}]` : host;
}

function alreadyRunning({ pid, base_url }: DiscoveryRecord): EndpointError {
  return new EndpointError(
    "already_started",
    `An endpoint of this home runs already: ${base_url} (process ${pid}). Stop it first, or give this one a home of its own.`,
  );
}

function notListening(error: unknown, host: string, port: number): EndpointError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  const why =
    code === "EADDRINUSE"
      ? "another program listens there. Choose another port, or 0 for any free one"
      : code === "EADDRNOTAVAIL"
        ? "this machine has no such address"
        : code === "EACCES"
          ? "it takes more rights than this process has. Choose a port above 1023"
          : `the system says ${code}`;
  return new EndpointError("local_address", `Cannot listen on ${host}:${port}: ${why}.`, { cause: error });
}
