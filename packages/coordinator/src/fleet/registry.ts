import type { ProviderSession } from "./session/provider-session.js";

const NONE: ReadonlySet<ProviderSession> = new Set();

/** Sessions that have proven themselves, found by session, by machine, and by each build that they offer. */
export class Registry {
  readonly #bySession = new Map<string, ProviderSession>();
  readonly #byMachine = new Map<string, ProviderSession>();
  readonly #byBuild = new Map<string, Set<ProviderSession>>();

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

  offering(build: string): ReadonlySet<ProviderSession> {
    return this.#byBuild.get(build) ?? NONE;
  }

  add(session: ProviderSession): void {
    this.#bySession.set(session.id, session);
    this.#byMachine.set(session.machineId, session);
    for (const build of session.builds) {
      const sessions = this.#byBuild.get(build) ?? new Set();
      this.#byBuild.set(build, sessions.add(session));
    }
  }

  remove(session: ProviderSession): void {
    this.#bySession.delete(session.id);
    if (this.#byMachine.get(session.machineId) === session) this.#byMachine.delete(session.machineId);
    for (const build of session.builds) {
      const sessions = this.#byBuild.get(build);
      sessions?.delete(session);
      if (sessions?.size === 0) this.#byBuild.delete(build);
    }
  }
}
