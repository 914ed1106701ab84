import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import postgres from "postgres";

/** How something that the process asks of the outside ends. */
export const FATES = ["done", "lost_before", "lost_after", "refused", "dies_before", "dies_after"] as const;
export type Fate = (typeof FATES)[number];

/** Something that a process has asked of the outside, and that has not happened yet. */
export interface Gate {
  readonly label: string;
  /** Its open transaction, if it is part of one. */
  readonly transaction: number | undefined;
  /** Lets it happen, so. Resolves when it has. */
  pass(fate: Fate): Promise<void>;
}

/** Thrown into a transaction of a process that has died, so that the server rolls it back. */
class Died extends Error {
  override readonly name = "Died";
}

/**
 * A coordinator's process as the world sees it: every statement, every commit and every write to disk waits at a gate until the world lets it
 * pass. Once dead it hears nothing any more, and nothing that it asks for happens.
 */
export class Process {
  readonly clock: FakeClock;
  readonly gates = new Set<Gate>();
  readonly #deaths = new Set<() => void>();
  #isDead = false;
  #transactions = 0;
  /** The transaction whose statements go before all others; only one is open at a time. */
  open: number | undefined;

  constructor(
    readonly id: string,
    startedAt: Date,
    private readonly onGate: () => void,
  ) {
    this.clock = createFakeClock(startedAt);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  die(): void {
    this.#isDead = true;
    this.gates.clear();
    for (const death of this.#deaths) death();
  }

  /** Asks for something that happens whole or not at all. @param query given the means to take it back while it has not happened */
  ask<T>(label: string, act: () => Promise<T>, transaction?: number, query?: { cancel: () => void }): Promise<T> {
    // A dead process waits for ever.
    if (this.#isDead) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      const gate: Gate = {
        label,
        transaction,
        pass: async (fate) => {
          this.gates.delete(gate);
          switch (fate) {
            case "done": {
              const result = await act().then(
                (value) => () => resolve(value),
                (error: unknown) => () => reject(error),
              );
              if (!this.#isDead) result();
              return;
            }
            case "lost_before":
              return reject(lostConnection());
            case "lost_after":
              await act().catch(() => undefined);
              return reject(lostConnection());
            case "refused":
              return reject(conflict());
            case "dies_before":
              return this.die();
            case "dies_after":
              await act().catch(() => undefined);
              return this.die();
          }
        },
      };
      if (query !== undefined) {
        query.cancel = () => {
          if (this.gates.delete(gate)) reject(lostConnection());
        };
      }
      this.gates.add(gate);
      this.onGate();
    });
  }

  /** Runs a transaction: its beginning, its statements and its commit are gates. */
  async transact<T>(begin: (body: () => Promise<void>) => Promise<unknown>, work: (transaction: number) => Promise<T>): Promise<T> {
    this.#transactions += 1;
    const transaction = this.#transactions;
    await this.ask("begin", async () => undefined);
    this.open = transaction;
    let result: { readonly value: T } | undefined;
    let isLost = false;
    const death = new Promise<never>((_, reject) => this.#deaths.add(() => reject(new Died("the process has died"))));
    death.catch(() => undefined);
    try {
      await begin(async () => {
        const value = await Promise.race([work(transaction), death]);
        const commit = await Promise.race([this.#commit(transaction), death]);
        result = { value };
        if (commit === "never") throw lostConnection();
        if (commit === "refused") throw conflict();
        isLost = commit === "unheard";
        this.#diesBehindCommit = commit === "last";
      });
    } catch (error) {
      if (this.#isDead) return new Promise(() => undefined);
      throw error;
    } finally {
      this.open = undefined;
      this.onGate();
    }
    if (this.#diesBehindCommit) {
      this.die();
      return new Promise(() => undefined);
    }
    if (isLost) throw lostConnection();
    if (result === undefined) throw new Error("a transaction that committed has a result");
    return result.value;
  }

  #diesBehindCommit = false;

  /** How the commit ends: heard, unheard, refused, never sent, or the last thing that the process did. */
  #commit(transaction: number): Promise<"heard" | "unheard" | "refused" | "never" | "last"> {
    return new Promise((resolve) => {
      const ENDS = { done: "heard", lost_before: "never", lost_after: "unheard", refused: "refused", dies_after: "last" } as const;
      const gate: Gate = {
        label: "commit",
        transaction,
        pass: async (fate) => {
          this.gates.delete(gate);
          if (fate === "dies_before") this.die();
          else resolve(ENDS[fate]);
        },
      };
      this.gates.add(gate);
      this.onGate();
    });
  }
}

function lostConnection(): Error {
  return Object.assign(new Error("write CONNECTION_CLOSED"), { code: "CONNECTION_CLOSED" });
}

function conflict(): Error {
  const fields: { name: string; code: string; message: string } = { name: "PostgresError", code: "40001", message: "could not serialize" };
  const Constructor = postgres.PostgresError as unknown as new (fields: object) => Error;
  return new Constructor(fields);
}
