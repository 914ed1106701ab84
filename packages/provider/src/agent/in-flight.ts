import type { RequestId } from "@umbel/protocol";

/** Which requests this agent answers for, so that each gets its terminal and frames of an earlier connection never reach a later one. */
export class InFlight {
  /** Given to the worker on the present connection, and not yet ended. */
  readonly #open = new Set<RequestId>();
  /** Still ending in the worker, though nobody waits for it any more. */
  readonly #abandoned = new Set<string>();

  get size(): number {
    return this.#open.size;
  }

  has(id: RequestId): boolean {
    return this.#open.has(id);
  }

  /** Whether the worker may still say something about an earlier request of this id. */
  isAbandoned(id: RequestId): boolean {
    return this.#abandoned.has(id);
  }

  open(id: RequestId): void {
    this.#open.add(id);
  }

  /** Its terminal came from the worker. */
  close(id: RequestId): void {
    this.#open.delete(id);
    this.#abandoned.delete(id);
  }

  /** Nobody waits for this request any more; what the worker still sends of it is dropped. */
  abandon(id: RequestId): void {
    if (this.#open.delete(id)) this.#abandoned.add(id);
  }

  /** The worker is gone: returns what was open, and forgets everything. */
  clear(): RequestId[] {
    const open = [...this.#open];
    this.#open.clear();
    this.#abandoned.clear();
    return open;
  }

  ids(): RequestId[] {
    return [...this.#open];
  }
}
