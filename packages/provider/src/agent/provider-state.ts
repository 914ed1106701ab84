import type { Posture, RuntimeStatus, Slot, TrustStatus } from "@umbel/protocol";
import type { GuestReadings, Stance } from "../guest/index.js";
import type { LoadFailure, WorkerSandbox } from "../worker/pipe-messages.js";
import type { ProviderError } from "./provider-error.js";
import type { Totals } from "./reports.js";
import type { MemoryTrouble } from "./troubles.js";

/**
 * What a provider is doing. `serving`: taking requests, and registered where there is a coordinator. `resting`: left to its owner for now. `draining`: finishing what runs
 * before it stops.
 */
export type ProviderPhase = "stopped" | "starting" | "connecting" | "serving" | "resting" | "draining" | "failed";

/** A picture of a provider at one moment, for status displays. Holds no secrets. */
export interface ProviderState {
  readonly phase: ProviderPhase;
  /** Undefined where the machine serves its own programs only. */
  readonly coordinatorUrl: string | undefined;
  /** Where this machine's own programs find the API; undefined while there is none. */
  readonly endpoint: string | undefined;
  /** Thumbprint of the device key; undefined until a worker has been ready. */
  readonly machineId: string | undefined;
  /** Id of the present registration. */
  readonly sessionId: string | undefined;
  readonly trust: Pick<TrustStatus, "trust_level" | "status" | "reason"> | undefined;
  /** That the coordinator does not know this machine's program; undefined where it finds nothing amiss. */
  readonly runtime: Pick<RuntimeStatus, "enforced"> | undefined;
  /** Builds that are offered; `slots` shows which of them are in memory. */
  readonly models: readonly string[];
  readonly failures: readonly LoadFailure[];
  readonly slots: readonly Slot[];
  /** What confines the worker, as it found. */
  readonly sandbox: WorkerSandbox | undefined;
  /** That memory ran out, before this start or since. */
  readonly memoryTroubles: readonly MemoryTrouble[];
  /** Why no prompts are kept on the disk although the owner has granted room; undefined where they are, or none was granted. */
  readonly prefixCacheRefusal: string | undefined;
  /** Requests of the coordinator and of this machine's own programs. */
  readonly inFlight: number;
  /** Whether answers for the coordinator wait because it does not read; those for this machine's own programs go on. */
  readonly answersWait: boolean;
  /** Why it takes no work, and what it gives up meanwhile. */
  readonly stance: Stance;
  readonly readings: GuestReadings | undefined;
  /** When the schedule opens or closes next; undefined without one. */
  readonly scheduleChange: Date | undefined;
  readonly totals: Totals;
  readonly workerRestarts: number;
  readonly reconnects: number;
  /** Frames from the coordinator that were dropped. */
  readonly dropped: { readonly unreadable: number; readonly unexpected: number };
  /** Why the provider gave up, when `phase` is `failed`. */
  readonly error: ProviderError | undefined;
}

/**
 * The agent of one machine: talks to one coordinator, to the machine's own programs, or to both, and supervises one worker. Of what comes through
 * a coordinator it handles ciphertext only.
 */
export interface ProviderAgent {
  /**
   * Starts the worker and connects, again and again if need be. Resolves when the coordinator has taken the machine for the first time, or
   * the machine is ready and its schedule keeps it from connecting, or there is no coordinator and the local endpoint answers.
   *
   * @throws ProviderError when trying again would not help, or when stopped meanwhile
   */
  start(): Promise<void>;
  state(): ProviderState;
  /** What the system says now that bears on who could read memory; undefined while the provider starts. */
  posture(): Promise<Posture | undefined>;
  /**
   * Takes no more requests, lets those under way finish for up to `grace_ms`, cancels the rest, and ends worker and connection.
   *
   * @param grace_ms default 0: cancel at once
   */
  stop(grace_ms?: number): Promise<void>;
  /**
   * Takes no work until then, and gives the memory back; also over restarts.
   *
   * @param until_ms milliseconds of the epoch; infinite is until further notice
   */
  pause(until_ms: number): Promise<void>;
  resume(): Promise<void>;
  /** Resolves when the provider has ended: with the reason if it gave up, with undefined after `stop`. */
  readonly ended: Promise<ProviderError | undefined>;
  /** The process is about to end by an error: what is to be told of it is written down at once. */
  dying(error: unknown): void;
}
