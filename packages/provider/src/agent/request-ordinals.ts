import { type Capacity, type CountedRequest, type RequestId, WIRE_LIMITS } from "@umbel/protocol";
import type { WorkerState } from "./worker-supervisor.js";

interface Numbered {
  readonly ordinal: number;
  /** Its place among the requests that the worker was given. */
  readonly index: number;
  /** Its terminal has left for the coordinator. */
  isOver: boolean;
}

/** What a heartbeat says of the requests that its figures count; absent where they are too many, or the coordinator does not number them. */
type NamedRequests = Pick<Capacity, "slots" | "requests_seen" | "requests_held">;

/**
 * Which requests the worker's figures count, in the numbers by which the coordinator knows them. The figures are older than what was sent since
 * they were taken: a request that has ended meanwhile is named all the same, since the figures count it.
 */
export class RequestOrdinals {
  readonly #byId = new Map<string, Numbered>();
  /** Given to the worker, which has not told figures since. */
  readonly #unseen: Numbered[] = [];
  #seen = 0;
  #isNumbered = true;

  /**
   * The worker was given a request.
   *
   * @param index its place among all that the worker was given, the machine's own included
   */
  given(id: RequestId, ordinal: number | undefined, index: number): void {
    if (ordinal === undefined) {
      this.#isNumbered = false;
      return;
    }
    const numbered = { ordinal, index, isOver: false };
    this.#byId.set(id, numbered);
    this.#unseen.push(numbered);
  }

  over(id: RequestId): void {
    const numbered = this.#byId.get(id);
    if (numbered !== undefined) numbered.isOver = true;
  }

  /** The coordinator has been told that it is over, and it is not: what it takes is nobody's. */
  disown(id: RequestId): void {
    this.#byId.delete(id);
  }

  /** The connection is gone, or the worker with everything it was doing. */
  lost(): void {
    this.#byId.clear();
    this.#unseen.length = 0;
    this.#seen = 0;
    this.#isNumbered = true;
  }

  /** The worker's slots with the requests that they count. */
  named({ slots, requests }: Pick<WorkerState, "slots" | "requests">): NamedRequests {
    this.#see(requests.received);
    const counted = new Map<string, CountedRequest[]>(slots.map(({ model }) => [model, []]));
    const inSlots = new Set<string>();
    for (const { id, build, tokens, places } of requests.counted) {
      inSlots.add(id);
      const numbered = this.#known(id, requests.received);
      if (numbered !== undefined) counted.get(build)?.push({ ordinal: numbered.ordinal, tokens, places });
    }
    const open = new Set(requests.open);
    const requests_held = requests.open.flatMap((id) => (inSlots.has(id) ? [] : (this.#known(id, requests.received)?.ordinal ?? [])));
    for (const [id, { isOver, index }] of this.#byId) {
      if (isOver && index <= requests.received && !open.has(id) && !inSlots.has(id)) this.#byId.delete(id);
    }
    const isTooLong = (list: readonly unknown[]): boolean => list.length > WIRE_LIMITS.namedRequests_max;
    if (!this.#isNumbered || isTooLong(requests_held) || [...counted.values()].some(isTooLong)) return { slots };
    return {
      slots: slots.map((slot) => ({ ...slot, requests: counted.get(slot.model) })),
      requests_seen: this.#seen,
      requests_held,
    };
  }

  #see(received: number): void {
    for (let next = this.#unseen[0]; next !== undefined && next.index <= received; next = this.#unseen[0]) {
      this.#seen = next.ordinal;
      this.#unseen.shift();
    }
  }

  /** A request that the figures cannot know of yet only looks like an earlier one of the same id. */
  #known(id: string, received: number): Numbered | undefined {
    const numbered = this.#byId.get(id);
    return numbered !== undefined && numbered.index <= received ? numbered : undefined;
  }
}
