import { ApiError, type FollowedResponse } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import { LOCAL_LIMITS } from "./limits.js";
import { localError } from "./local-error.js";

interface Entry {
  readonly response: FollowedResponse;
  readonly stopper: AbortController;
  /** Undefined while it comes. */
  ended: { readonly at_ms: number; readonly bytes: number } | undefined;
}

/** Responses of this endpoint while they come and for a while after: in memory only, and bounded. */
export class KeptResponses {
  readonly #clock: Clock;
  /** In the order in which they began. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param stopper aborted when somebody cancels it. @returns what to call at its end */
  follow(response: FollowedResponse, stopper: AbortController): () => void {
    const entry: Entry = { response, stopper, ended: undefined };
    this.#entries.set(response.id, entry);
    return () => {
      entry.ended ??= { at_ms: this.#clock.now_ms(), bytes: Buffer.byteLength(JSON.stringify(response.body())) };
      this.#makeRoom();
    };
  }

  /** @throws ApiError 404 */
  find(id: string): object {
    return this.#entry(id).response.body();
  }

  /** One that comes is ended; what there is of it stays. One that has ended stays as it is. @throws ApiError 404 */
  cancel(id: string): object {
    const { response, stopper } = this.#entry(id);
    response.cancel();
    stopper.abort(localError("cancelled"));
    return response.body();
  }

  /** @throws ApiError 404 */
  remove(id: string): object {
    this.cancel(id);
    this.#entries.delete(id);
    return { id, object: "response.deleted", deleted: true };
  }

  #entry(id: string): Entry {
    this.#makeRoom();
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    const message = "There is no response of this id: it was never kept, was deleted, or is older than an hour";
    throw new ApiError({ status: 404, code: "not_found", type: "invalid_request_error", message, param: "id" });
  }

  /** One that comes is not counted: the worker bounds how many there are. */
  #makeRoom(): void {
    const since_ms = this.#clock.now_ms() - LOCAL_LIMITS.keptResponse_ms;
    const ended = [...this.#entries].flatMap(([id, { ended }]) => (ended === undefined ? [] : [{ id, ...ended }]));
    let [count, bytes] = [ended.length, ended.reduce((sum, one) => sum + one.bytes, 0)];
    for (const one of ended.sort((a, b) => a.at_ms - b.at_ms)) {
      const fits = count <= LOCAL_LIMITS.keptResponses_max && bytes <= LOCAL_LIMITS.keptResponses_bytes_max;
      if (fits && one.at_ms > since_ms) break;
      this.#entries.delete(one.id);
      count -= 1;
      bytes -= one.bytes;
    }
  }
}
