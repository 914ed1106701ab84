import type { Heartbeat } from "@umbel/protocol";
import type { AdmittedMachine } from "../connection/admission.js";
import { counted, type LifetimeCounters } from "../lifetime-counters.js";
import type { DisconnectReason, MachineSession } from "../ports.js";
import type { SessionContext } from "./session-context.js";

/** What is kept of one connection: its row in the machine's history, and what the machine counts. Written aside, now and then. */
export class SessionRecord {
  readonly #row: MachineSession;
  readonly #context: SessionContext;
  #counters: LifetimeCounters;
  #stored_ms: number;

  /** @param counters what the machine had counted before */
  constructor({ sessionId, device, accountId, register }: AdmittedMachine, counters: LifetimeCounters, context: SessionContext) {
    this.#row = { sessionId, machineId: device.machineId, accountId, version: register.version, openedAt: context.clock.date() };
    this.#context = context;
    this.#counters = counters;
    this.#stored_ms = context.clock.now_ms();
  }

  get counters(): LifetimeCounters {
    return this.#counters;
  }

  opened(): void {
    this.#context.records.opened(this.#row);
  }

  heard(stats: Heartbeat["stats"], now_ms: number): void {
    this.#counters = counted(this.#counters, stats);
    if (now_ms - this.#stored_ms < this.#context.settings.touchInterval_ms) return;
    this.#stored_ms = now_ms;
    this.#context.records.seen(this.#row, this.#counters);
  }

  closed(reason: DisconnectReason): void {
    this.#context.records.closed(this.#row, this.#counters, reason);
  }
}
