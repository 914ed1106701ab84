import type { LoadModelStatus, ModelInfo, PrefetchModel } from "@umbel/protocol";
import type { Session } from "../session/session.js";
import type { ModelsMessage } from "../session/types.js";
import type { WorkerSupervisor } from "./worker-supervisor.js";

type CoordinatorPort = Pick<Session, "send">;
type WorkerPort = Pick<WorkerSupervisor, "send" | "ready">;

/** Carries out what the coordinator says about models: loads and unloads go to the worker, and what became of them back. */
export class ModelCommands {
  readonly #coordinator: CoordinatorPort;
  readonly #worker: WorkerPort;
  /** Whether the store holds a build that this machine does not offer. */
  readonly #isInStore: (build: string) => Promise<boolean>;
  #isDraining = false;
  #isResting = false;

  constructor(coordinator: CoordinatorPort, worker: WorkerPort, isInStore: (build: string) => Promise<boolean>) {
    this.#coordinator = coordinator;
    this.#worker = worker;
    this.#isInStore = isInStore;
  }

  async onMessage(message: ModelsMessage): Promise<void> {
    switch (message.type) {
      case "load_model":
        if (this.#isDraining || this.#isResting) this.#refuseLoad(message.model_id, "draining");
        else if (this.#worker.ready === undefined) this.#refuseLoad(message.model_id, "other");
        else this.#worker.send(message);
        return;
      case "unload_model":
        this.#worker.send(message);
        return;
      case "prefetch_model":
        await this.#prefetch(message);
        return;
      case "desired_models":
        this.#confirm(message.models.map(({ desired_build }) => desired_build));
    }
  }

  onLoadStatus(status: LoadModelStatus): void {
    this.#coordinator.send(status);
  }

  /** A build is not quite what the registration said, as it shows once it is in memory. */
  onModels(models: readonly ModelInfo[]): void {
    this.#coordinator.send({ type: "models_update", models: [...models] });
  }

  /** From now on nothing is loaded. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Nothing is loaded for as long as the machine rests. */
  rest(isResting: boolean): void {
    this.#isResting = isResting;
  }

  /** Whoever offers the build that a name stands for now says so, and is taken off the one that it stood for before. */
  #confirm(desired: readonly string[]): void {
    const here = (this.#worker.ready?.models ?? []).filter(({ id }) => desired.includes(id));
    if (here.length > 0) this.onModels(here);
  }

  /** What is here need not be fetched; and there is no place yet to fetch from. */
  async #prefetch({ model_id }: PrefetchModel): Promise<void> {
    const isOffered = this.#worker.ready?.models.some(({ id }) => id === model_id) ?? false;
    const isHere = isOffered || (await this.#isInStore(model_id).catch(() => false));
    const end = this.#isDraining
      ? ({ status: "failed", reason: "draining" } as const)
      : isHere
        ? ({ status: "verified" } as const)
        : ({ status: "failed", reason: "no_source" } as const);
    this.#coordinator.send({ type: "prefetch_model_status", model_id, ...end });
  }

  #refuseLoad(model_id: string, reason: "draining" | "other"): void {
    this.#coordinator.send({ type: "load_model_status", model_id, status: "failed", reason });
  }
}
