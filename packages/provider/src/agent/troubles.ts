import os from "node:os";
import type { Clock, TelemetryFields, TrustStatus } from "@umbel/protocol";
import type { MemoryMarkerFile, OomEvidence, OomKills, Stance } from "../guest/index.js";
import type { Memory } from "../machine/memory.js";
import type { Logger } from "../session/types.js";
import type { Telemetry } from "../telemetry/index.js";
import type { LoadFailure } from "../worker/pipe-messages.js";
import { AGENT_LIMITS } from "./limits.js";
import type { WorkerEnd } from "./worker-process.js";

/** That memory ran out, as far as this machine tells. */
export interface MemoryTrouble {
  /** `ran_out`: there was next to none left when the provider ended; `killed`: the system ended a process for want of it. */
  readonly what: "ran_out" | "killed";
  /** The whole provider, before it was started this time, or the worker of this one. */
  readonly who: "provider" | "worker";
  readonly at: Date;
  readonly evidence: OomEvidence | "marker";
}

export interface TroublesParts {
  readonly telemetry: Telemetry;
  readonly marker: MemoryMarkerFile;
  readonly kills: OomKills;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly readMemory: () => Promise<Memory>;
  /** Builds in memory now. */
  readonly residents: () => readonly string[];
  readonly inFlight: () => number;
  /** Sends the log to the coordinator; absent where the owner has not agreed to that. */
  readonly sendReport?: () => Promise<void>;
}

/** Troubles that are remembered for whoever looks. */
const REMEMBERED_max = 16;
/** Losses of the connection that are told of: these, and every so manieth. Source: provider.md §2. */
const LOSSES_TOLD: readonly number[] = [3, 10];
const LOSSES_EACH = 30;

/** What goes wrong on this machine: notes it for its owner, and tells the coordinator where the owner has agreed to that. */
export class Troubles {
  #memory: readonly MemoryTrouble[] = [];
  #losses = 0;
  /** Where memory is critical, and it was noted. */
  #isShort = false;
  #notLoaded: ReadonlySet<string> = new Set();
  #isUntrusted = false;
  #wasReported = false;
  #cancelReport: () => void = () => undefined;
  /** Changes of the marker, one after the other. */
  #marking: Promise<void> = Promise.resolve();

  constructor(private readonly parts: TroublesParts) {}

  get memory(): readonly MemoryTrouble[] {
    return this.#memory;
  }

  /** Looks at how the start before this one came to its end. */
  onStart(): Promise<void> {
    this.#mark(() => this.#lookBack());
    return this.#marking;
  }

  async #lookBack(): Promise<void> {
    const { marker, kills, telemetry, clock } = this.parts;
    telemetry.tell("provider_started");
    const left = await marker.read();
    const evidence = await kills.sinceLastStart(clock.date());
    if (left !== undefined) {
      const { available_bytes, models } = left;
      this.#remember({ what: "ran_out", who: "provider", at: new Date(left.at), evidence: "marker" });
      telemetry.tell("memory_ran_out", { available_bytes, model: models[0] });
    }
    if (evidence !== undefined) {
      this.#remember({ what: "killed", who: "provider", at: clock.date(), evidence });
      telemetry.tell("killed_for_memory", { detect_source: evidence, component: "provider" });
    }
    await marker.clear();
  }

  onStance({ reasons }: Stance): void {
    const isShort = reasons.includes("memory");
    if (isShort === this.#isShort) return;
    this.#isShort = isShort;
    this.#mark(() => (isShort ? this.#noteShortage() : this.parts.marker.clear()));
  }

  onWorkerEnd({ pid, exitCode, signal, reason, causes }: WorkerEnd): void {
    const { telemetry, kills, clock } = this.parts;
    const told: TelemetryFields = { exit_code: exitCode ?? undefined, signal: signal ?? undefined, reason: reason ?? causes[0] };
    telemetry.tell("worker_ended", { ...told, in_flight: this.parts.inFlight() });
    // Systems that run out of memory end a process with this signal.
    if (signal !== "SIGKILL" || reason !== undefined) return;
    this.#mark(async () => {
      const at = clock.date();
      const evidence = await kills.ofProcess(pid, at);
      if (evidence === undefined) return;
      this.#remember({ what: "killed", who: "worker", at, evidence });
      telemetry.tell("killed_for_memory", { detect_source: evidence, component: "worker" });
    });
  }

  onLoadFailures(failures: readonly LoadFailure[]): void {
    for (const { build, code } of failures) {
      if (!this.#notLoaded.has(`${build} ${code}`)) this.parts.telemetry.tell("model_not_loaded", { model: build, reason: code });
    }
    this.#notLoaded = new Set(failures.map(({ build, code }) => `${build} ${code}`));
  }

  /** @param cause one word */
  onConnectionLost(cause: string): void {
    this.#losses += 1;
    if (!LOSSES_TOLD.includes(this.#losses) && this.#losses % LOSSES_EACH !== 0) return;
    const isReachable = Object.values(os.networkInterfaces()).some((addresses) => addresses?.some(({ internal }) => !internal));
    this.parts.telemetry.tell("reconnecting", { reconnect_count: this.#losses, last_error: cause, network_reachable: isReachable });
  }

  onRefused(code: string): void {
    this.parts.telemetry.tell("registration_refused", { reason: code });
  }

  /** Whoever is not trusted is told so once; a log that the owner lets go is sent later, unless trust comes back first. Source: protocol.md §13. */
  onTrust({ trust_level, status }: Pick<TrustStatus, "trust_level" | "status">): void {
    const isUntrusted = status === "untrusted";
    if (isUntrusted === this.#isUntrusted) return;
    this.#isUntrusted = isUntrusted;
    this.#cancelReport();
    if (!isUntrusted) return;
    this.parts.telemetry.tell("not_trusted", { trust_level });
    if (this.#wasReported || this.parts.sendReport === undefined) return;
    this.#cancelReport = this.parts.clock.setTimer(AGENT_LIMITS.autoReport_ms, () => this.#report(), "background");
  }

  /** The process is about to end by an error. */
  onDying(error: unknown): void {
    this.parts.telemetry.tellAtEnd(error);
  }

  /** The provider has ended as it should. */
  async close(): Promise<void> {
    this.#cancelReport();
    this.parts.telemetry.tell("provider_stopped");
    this.#mark(() => this.parts.marker.clear());
    await this.#marking;
    await this.parts.telemetry.close();
  }

  async #noteShortage(): Promise<void> {
    const { marker, readMemory, residents, telemetry, clock, inFlight } = this.parts;
    const models = residents();
    const { total_bytes, available_bytes } = await readMemory();
    telemetry.tell("memory_critical", { available_bytes, in_flight: inFlight(), model: models[0], pressure: "critical" });
    await marker.write({ pid: process.pid, at: clock.date().toISOString(), total_bytes, available_bytes, models: [...models] });
  }

  #report(): void {
    this.#wasReported = true;
    const { sendReport, telemetry, logger } = this.parts;
    sendReport?.().then(
      () => telemetry.tell("log_report_sent"),
      () => logger.warn({}, "the log could not be sent to the coordinator"),
    );
  }

  /** A disk that takes no marker costs a finding, and nothing else. */
  #mark(step: () => Promise<void>): void {
    this.#marking = this.#marking.then(step).catch((error: unknown) => {
      const cause = error instanceof Error && "code" in error ? String(error.code) : "unknown";
      this.parts.logger.warn({ cause }, "what became of the memory could not be noted");
    });
  }

  #remember(trouble: MemoryTrouble): void {
    this.#memory = [...this.#memory, trouble].slice(-REMEMBERED_max);
    const { what, who, at, evidence } = trouble;
    this.parts.logger.warn({ what, who, at, evidence }, "memory ran out");
  }
}
