import { deviceThumbprint, type RuntimeStatus, type TrustStatus, type Welcome } from "@umbel/protocol";
import { NO_TOTALS, sumTotals, type Totals } from "./reports.js";
import type { Ready, WorkerState } from "./worker-supervisor.js";

/** What is known of the worker, over all that there were, and of how the coordinator sees this machine. */
export class Standing {
  #ready: Ready | undefined;
  #machineId: string | undefined;
  #sessionId: string | undefined;
  #trust: TrustStatus | undefined;
  #runtime: RuntimeStatus | undefined;
  #workerState: WorkerState | undefined;
  #pastTotals: Totals = NO_TOTALS;

  /** What the last worker that was ready said; undefined before the first. */
  get ready(): Ready | undefined {
    return this.#ready;
  }

  /** Thumbprint of the device key. */
  get machineId(): string | undefined {
    return this.#machineId;
  }

  /** Id of the present registration. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  get trust(): TrustStatus | undefined {
    return this.#trust;
  }

  /** What the coordinator makes of this machine's program; undefined while it finds nothing amiss. */
  get runtime(): RuntimeStatus | undefined {
    return this.#runtime?.verified === false ? this.#runtime : undefined;
  }

  /** Undefined while there is no worker, or it has not said how it is. */
  get workerState(): WorkerState | undefined {
    return this.#workerState;
  }

  /** Builds in memory now. */
  get residents(): readonly string[] {
    return this.#workerState?.slots.map(({ model }) => model) ?? [];
  }

  get totals(): Totals {
    return this.#workerState === undefined ? this.#pastTotals : sumTotals(this.#pastTotals, this.#workerState);
  }

  async onReady(ready: Ready): Promise<void> {
    this.#ready = ready;
    this.#machineId = await deviceThumbprint(ready.device_key);
  }

  /** Returns whether other models are in memory than before. */
  onState(state: WorkerState): boolean {
    const before = this.#workerState;
    this.#workerState = state;
    return before !== undefined && residentsOf(before) !== residentsOf(state);
  }

  onWorkerLost(): void {
    this.#pastTotals = this.totals;
    this.#workerState = undefined;
  }

  onRegistered({ session_id }: Welcome): void {
    this.#sessionId = session_id;
  }

  onTrust(status: TrustStatus): void {
    this.#trust = status;
  }

  onRuntime(status: RuntimeStatus): void {
    this.#runtime = status;
  }

  onDisconnected(): void {
    this.#runtime = undefined;
    this.#sessionId = undefined;
    this.#trust = undefined;
  }
}

function residentsOf({ slots }: WorkerState): string {
  return JSON.stringify(slots.map(({ model }) => model).sort());
}
