import type { ProviderSession } from "./session/provider-session.js";

/** Sessions that have proven themselves, found by session and by machine. */
export class Registry {
  readonly #bySession = new Map<string, ProviderSession>();
  readonly #byMachine = new Map<string, ProviderSession>();

  get size(): number {
    return this.#bySession.size;
  }

  all(): Iterable<ProviderSession> {
    return this.#bySession.values();
  }

  get(sessionId: string): ProviderSession | undefined {
    return this.#bySession.get(sessionId);
  }

  /** The machine's session, if it is connected: it has at most one. */
  ofMachine(machineId: string): ProviderSession | undefined {
    return this.#byMachine.get(machineId);
  }

  add(session: ProviderSession): void {
    this.#bySession.set(session.id, session);
    this.#byMachine.set(session.machineId, session);
  }

  remove(session: ProviderSession): void {
    this.#bySession.delete(session.id);
    if (this.#byMachine.get(session.machineId) === session) this.#byMachine.delete(session.machineId);
  }
}
