import type { Clock, DesiredModels, LoadModelStatus, ModelInfo, PrefetchModel, PrefetchRefusal } from "@umbel/protocol";
import type { DownloadProgress } from "../models/download/download-files.js";
import { FetchBrake } from "../models/prefetch/fetch-brake.js";
import { PrefetchEnd, type PrefetchEvent, PrefetchQueue } from "../models/prefetch/prefetch-queue.js";
import { SourceError } from "../models/sources/source-error.js";
import type { Session } from "../session/session.js";
import type { Logger, ModelsMessage } from "../session/types.js";
import { DesiredBuilds } from "./desired-builds.js";
import type { WorkerState, WorkerSupervisor } from "./worker-supervisor.js";

/** Builds of this machine and where more come from. */
export interface BuildsPort {
  /** Fetches a build unless it is here, and offers it. @throws what kept it from that */
  fetch(build: string, signal: AbortSignal, onProgress: (progress: DownloadProgress) => void): Promise<void>;
  /** Stops offering a build. */
  withdraw(build: string): void;
  /** Deletes the files of a build that is not offered any more. */
  remove(build: string): Promise<void>;
}

export interface CommandParts {
  readonly coordinator: Pick<Session, "send">;
  readonly worker: Pick<WorkerSupervisor, "send" | "ready">;
  readonly builds: BuildsPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A build's name stands for another now, which is here. */
  readonly onDisplaced: (build: string) => void;
}

/** Of builds that a name stands for, before those that are only asked for. */
const desiredPriority = 5;

/** Carries out what the coordinator says about models: what to load goes to the worker, what to fetch to the store; and what became of it back. */
export class ModelCommands {
  readonly #parts: CommandParts;
  readonly #queue: PrefetchQueue;
  readonly #desired: DesiredBuilds;
  #isDraining = false;
  #isResting = false;
  readonly #brake = new FetchBrake();
  /** Why nothing is fetched for now. */
  readonly #held = { byHost: false, byAnswers: false };

  constructor(parts: CommandParts) {
    const { clock, builds } = parts;
    this.#parts = parts;
    this.#queue = new PrefetchQueue({
      clock,
      fetch: (build, signal, onProgress) => builds.fetch(build, signal, onProgress),
      onEvent: (build, event) => this.#onPrefetch(build, event),
    });
    this.#desired = new DesiredBuilds({
      clock,
      isOffered: (build) => this.#isOffered(build),
      want: (build) => this.#queue.add(build, desiredPriority),
      unwant: (build) => this.#queue.drop(build),
      confirm: (ids) => this.onModels((parts.worker.ready?.models ?? []).filter(({ id }) => ids.includes(id))),
      withdraw: (build) => {
        builds.withdraw(build);
        parts.onDisplaced(build);
      },
    });
  }

  async onMessage(message: ModelsMessage): Promise<void> {
    switch (message.type) {
      case "load_model":
        if (this.#isDraining || this.#isResting) this.#refuseLoad(message.model_id, "draining");
        else if (this.#parts.worker.ready === undefined) this.#refuseLoad(message.model_id, "other");
        else this.#parts.worker.send(message);
        return;
      case "unload_model":
        this.#parts.worker.send(message);
        return;
      case "prefetch_model":
        this.#prefetch(message);
        return;
      case "desired_models":
        if (!this.#isDraining) await this.#converge(message);
    }
  }

  onLoadStatus(status: LoadModelStatus): void {
    this.#parts.coordinator.send(status);
  }

  /** What is offered is not quite what the registration said. */
  onModels(models: readonly ModelInfo[]): void {
    this.#parts.coordinator.send({ type: "models_update", models: [...models] });
  }

  /** Builds that are to be offered: they are not removed to make room. */
  get wanted(): readonly string[] {
    return this.#desired.builds;
  }

  /** From now on nothing is loaded or fetched. Resolves when nothing is being fetched any more. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#desired.stop();
    await this.#queue.stop();
  }

  /** Nothing is loaded for as long as the machine rests, and nothing fetched for as long as it may not. */
  rest(isResting: boolean, { fetches }: { readonly fetches: boolean }): void {
    this.#isResting = isResting;
    this.#hold({ byHost: !fetches });
  }

  /** How answers go: where fetching slows them, it waits. */
  onState({ slots, requests }: WorkerState): void {
    const samples = slots.map(({ model, num_running: running, active_tokens }) => ({ model, running, active_tokens }));
    const isHeld = this.#brake.observe({ at_ms: this.#parts.clock.now_ms(), open: requests.open, samples }, this.#queue.isFetching);
    if (isHeld !== this.#held.byAnswers) this.#hold({ byAnswers: isHeld });
  }

  #hold(change: { readonly byHost?: boolean; readonly byAnswers?: boolean }): void {
    Object.assign(this.#held, change);
    if (change.byAnswers !== undefined) {
      this.#parts.logger.info({ waits: change.byAnswers }, "fetching waits while it slows answers, and goes on afterwards");
    }
    this.#queue.hold(this.#held.byHost || this.#held.byAnswers);
  }

  #isOffered(build: string): boolean {
    return this.#parts.worker.ready?.models.some(({ id }) => id === build) ?? false;
  }

  async #converge(message: DesiredModels): Promise<void> {
    const { worker, builds, logger } = this.#parts;
    const offered = new Map((worker.ready?.models ?? []).map(({ id, weight_hash }) => [id, weight_hash]));
    for (const { model_id, weight_hash, reason } of message.withdrawn ?? []) {
      // Another version of the build is not what was withdrawn.
      if (offered.has(model_id) && offered.get(model_id) !== weight_hash) continue;
      logger.warn({ build: model_id, reason }, "the catalogue has withdrawn a build");
      this.#queue.drop(model_id);
      builds.withdraw(model_id);
      if (reason === "revoked") await builds.remove(model_id);
    }
    this.#desired.onDesired(message);
  }

  #prefetch({ model_id, priority = 0 }: PrefetchModel): void {
    if (this.#isDraining) this.#report(model_id, { status: "failed", reason: "draining" });
    else if (this.#isOffered(model_id)) this.#report(model_id, { status: "verified" });
    else this.#queue.add(model_id, priority);
  }

  #onPrefetch(build: string, event: PrefetchEvent): void {
    if (event.status === "downloading") {
      const { done_bytes, total_bytes } = event.progress;
      this.#report(build, { status: "downloading", bytes_done: done_bytes, bytes_total: total_bytes });
    } else if (event.status === "failed") {
      const reason = refusalOf(event.error);
      const why = event.error instanceof Error ? event.error.message : "unknown";
      this.#parts.logger.warn({ build, reason, why }, "a build was not fetched");
      this.#report(build, { status: "failed", reason });
      this.#desired.onFailed(build);
    } else {
      this.#report(build, event);
      if (event.status === "verified") this.#desired.onOffered(build);
    }
  }

  #report(model_id: string, status: PrefetchReport): void {
    this.#parts.coordinator.send({ type: "prefetch_model_status", model_id, ...status });
  }

  #refuseLoad(model_id: string, reason: "draining" | "other"): void {
    this.#parts.coordinator.send({ type: "load_model_status", model_id, status: "failed", reason });
  }
}

type PrefetchReport =
  | { readonly status: "started" | "verified" }
  | { readonly status: "downloading"; readonly bytes_done: number; readonly bytes_total: number }
  | { readonly status: "failed"; readonly reason: PrefetchRefusal };

function refusalOf(error: unknown): PrefetchRefusal {
  if (error instanceof PrefetchEnd) return error.reason === "stopped" ? "draining" : "other";
  return error instanceof SourceError ? "no_source" : "other";
}
