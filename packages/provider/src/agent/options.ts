import path from "node:path";
import { type Clock, location, modelInfo, sha256Hex } from "@umbel/protocol";
import { z } from "zod";
import { guestRules, type Sources } from "../guest/index.js";
import { endpointOptions } from "../local/index.js";
import type { Logger, OutboundRoom } from "../session/types.js";
import type { Send } from "../telemetry/index.js";
import { engineChoice } from "../worker/pipe-messages.js";

const sequences = z.number().int().min(1).max(64);
const absolutePath = z.string().refine((value) => path.isAbsolute(value), { error: "must be an absolute path" });

const options = z.strictObject({
  /** Address of the coordinator: `https://…`, or `http://…` on this machine and in trusted networks. Absent: the machine serves its own programs only. */
  coordinatorUrl: z.url({ protocol: /^(?:https?|wss?)$/ }).exactOptional(),
  /** The endpoint for this machine's own programs, in front of the same models. Absent: none is opened. */
  local: endpointOptions.exactOptional(),
  /** The Umbel home: keys under `keys/`, records of models under `models/`. Absolute. */
  home: absolutePath,
  /** Folder of the models, where they are not to be in the home. Absolute. */
  modelsDirectory: absolutePath.exactOptional(),
  /** Provider token of the account that earns; absent for an unlinked machine. */
  authToken: z.string().min(1).max(256).exactOptional(),
  /**
   * What to serve. By `id`: an imported model (`createModelStore`). By `info`: a build without files, for the scripted engine only. Empty:
   * every imported model.
   */
  models: z
    .array(
      z.union([
        z.strictObject({ id: z.string(), sequences: sequences.exactOptional() }),
        z.strictObject({ info: modelInfo, sequences: sequences.exactOptional() }),
      ]),
    )
    .default([]),
  /** Answers of one model at the same time, where its entry says nothing else; also of builds that are fetched later. */
  sequences: sequences.default(4),
  /** No model is served with a longer context; absent is as long as each allows, and as memory has room for. */
  contextLength_tokens_max: z.number().int().min(512).max(2_097_152).exactOptional(),
  engine: engineChoice.default({ kind: "llama.cpp" }),
  /** Models in memory at once; absent is as many as fit. The others are loaded when they are asked for, in the place of idle ones. */
  modelsResident_max: z.number().int().min(1).max(64).exactOptional(),
  /** What models may take in memory together, in GiB; absent is what the machine has. */
  modelsMemory_gb_max: z.number().positive().max(4096).exactOptional(),
  /** What models leave free of the machine's memory in any case, in GiB; absent is half a GiB, and a tenth of the machine or 2 GiB. */
  memoryReserve_gb: z.number().nonnegative().max(4096).exactOptional(),
  /** A model that was not used for so long leaves memory and is loaded again when it is asked for; 0 is never. */
  idleUnload_minutes: z.number().min(0).max(100_000).default(60),
  /** What models in the store may take on the disk, in GB; absent is 70 % of what they take and the disk has free. */
  modelsDisk_gb_max: z.number().positive().max(1_000_000).exactOptional(),
  /**
   * What prompts whose place in memory was needed may take on the disk, in GB, encrypted; absent is that none are kept there. Linux only: what
   * the engine writes has to go through a file in memory.
   */
  prefixCacheDisk_gb_max: z.number().positive().max(1_000_000).exactOptional(),
  /** What fetching models may take of the network, in megabits a second; absent is all there is. */
  fetch_mbps_max: z.number().positive().max(1_000_000).exactOptional(),
  /** Where files of builds are looked for first, as `<mirror>/<prefix>/<path>`; what comes is held to the same hashes. */
  modelsMirror: z.url({ protocol: /^https?$/ }).exactOptional(),
  /** Tells the coordinator what happens to this program, in words of a closed list. Off unless the owner has agreed. */
  telemetry: z.boolean().default(false),
  /** Log that is sent to the coordinator when it ceases to trust this machine; absent where the owner has not agreed to that. Absolute. */
  autoReportLog: absolutePath.exactOptional(),
  /** Keeps the machine from falling asleep while it answers, but on its battery. */
  stayAwake: z.boolean().default(false),
  /** Serves only requests of the machine's own account. */
  privateOnly: z.boolean().default(false),
  /** `aggregateHash` over the files of the release that this program is; absent for what is none. */
  runtimeHash: sha256Hex.exactOptional(),
  /** Where the machine stands, for public figures. Absent: nobody is told. */
  location: location.exactOptional(),
  /** When the machine is left to its owner. Absent: it serves without reserve, but for a pause. */
  guest: guestRules.exactOptional(),
});

/** Settings of one provider. Unknown keys are refused, so that a misspelt setting does not pass for a default. */
export const providerOptions = options.refine(({ coordinatorUrl, local }) => coordinatorUrl !== undefined || local !== undefined, {
  error: "there is neither a coordinator to serve nor an endpoint to open",
  path: ["coordinatorUrl"],
});
export type ProviderOptions = z.input<typeof providerOptions>;
/** The same with their defaults. */
export type AgentOptions = z.output<typeof providerOptions>;

/** What a provider leans on, given by whoever starts it. */
export interface ProviderDependencies {
  /** A pino logger, or anything of its shape. */
  readonly logger: Logger;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Uniform in [0, 1). Default: `Math.random`. */
  readonly random?: () => number;
  /** Where battery, heat, memory and people are looked for. Default: the machine itself. */
  readonly guestSources?: Sources;
  /** Sends what is told to the coordinator. Default: `fetch`. */
  readonly sendTelemetry?: Send;
  /** The proxy through which an address is reached; undefined is directly. Default: by the usual variables (`proxyFor`). */
  readonly proxyFor?: (address: string) => string | undefined;
  /** What may wait for the coordinator's socket before its answers wait in the worker. Default: that of the session. */
  readonly outbound?: OutboundRoom;
  /** Entry module of the worker process. Default: the one of this package. */
  readonly workerEntry?: string;
}
