import type { QueueRefusal } from "../dispatch/index.js";
import type { Verdict } from "../queue/fair-lane.js";
import { type Waiter, waitLimit } from "../queue/waiter.js";
import { WaitingLine } from "../queue/waiting-line.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { LiveRequest } from "./live-request.js";
import type { Placement } from "./placement.js";

interface Waiting extends Waiter {
  readonly request: LiveRequest;
  readonly since_ms: number;
}

/** How long what was counted over a build's machines is believed. */
const PLACES_AGE_MS = 5_000;

/** Those who wait for capacity, a line for each build. */
export class Lines {
  readonly #lines = new Map<number, WaitingLine<Waiting>>();
  readonly #waiting = new Map<LiveRequest, Waiting>();
  /** Builds of which something may have become free. */
  readonly #toOffer = new Set<number>();
  readonly #places = new Map<number, { readonly count: number; readonly at_ms: number }>();

  constructor(
    private readonly builds: readonly SimulatedBuild[],
    private readonly placement: Placement,
    private readonly limits: { readonly queue_wait_s: number; readonly queue_size: number },
  ) {}

  get waiting(): number {
    return this.#waiting.size;
  }

  depth(build: number): number {
    return this.#lines.get(build)?.size ?? 0;
  }

  /** @returns why it may not wait; or until when it waits, and who had to make room */
  join(
    request: LiveRequest,
    { purpose, until_ms }: { readonly purpose: "first" | "retry"; readonly until_ms: number },
    now_ms: number,
  ): { readonly refused: QueueRefusal } | { readonly until_ms: number; readonly displaced: LiveRequest | undefined } {
    const { build } = request.arrival;
    const line = this.#lines.get(build) ?? new WaitingLine<Waiting>();
    this.#lines.set(build, line);
    const { at_ms } = waitLimit(now_ms, this.limits.queue_wait_s * 1000, until_ms);
    const waiter = { spec: request.spec, deadline_ms: at_ms, isRetry: purpose === "retry", request, since_ms: now_ms };
    const drain_perSecond = this.placement.rates.drain_perSecond(request.spec.build, now_ms);
    const joined = line.join(waiter, now_ms, {
      waiters_min: this.limits.queue_size,
      places: this.#placesOf(build, now_ms),
      drain_perSecond,
    });
    if (joined.outcome !== "joined") return { refused: joined.outcome };
    this.#waiting.set(request, waiter);
    this.#toOffer.add(build);
    if (joined.displaced !== undefined) this.#waiting.delete(joined.displaced.request);
    return { until_ms: waiter.deadline_ms, displaced: joined.displaced?.request };
  }

  leave(request: LiveRequest): void {
    const waiter = this.#waiting.get(request);
    if (waiter !== undefined) this.#lines.get(request.arrival.build)?.leave(waiter);
    this.#waiting.delete(request);
  }

  /** Those whose time is over. */
  expire(build: number, now_ms: number): readonly LiveRequest[] {
    const expired = this.#lines.get(build)?.expire(now_ms) ?? [];
    for (const { request } of expired) this.#waiting.delete(request);
    return expired.map(({ request }) => request);
  }

  /** Something may have become free on a machine with these builds. */
  freed(builds: readonly number[]): void {
    if (this.#waiting.size === 0) return;
    for (const build of builds) if (this.depth(build) > 0) this.#toOffer.add(build);
  }

  /** @param serve reserves a place for the request, and goes on with it */
  offer(serve: (request: LiveRequest) => Verdict): void {
    for (const build of this.#toOffer) {
      this.#toOffer.delete(build);
      this.#lines.get(build)?.offer(({ request }) => {
        const verdict = serve(request);
        if (verdict !== "unserved") this.#waiting.delete(request);
        return verdict;
      });
    }
  }

  /** Depth of the build's line, and since when its oldest waits. */
  queue(build: number): { readonly depth: number; readonly oldestSince_ms: number } {
    let oldestSince_ms = Number.POSITIVE_INFINITY;
    for (const { request, since_ms } of this.#waiting.values()) {
      if (request.arrival.build === build) oldestSince_ms = Math.min(oldestSince_ms, since_ms);
    }
    return { depth: this.depth(build), oldestSince_ms };
  }

  /** Builds somebody waits for. */
  *busy(): Iterable<number> {
    for (const [build, { size }] of this.#lines) if (size > 0) yield build;
  }

  #placesOf(build: number, now_ms: number): number {
    const known = this.#places.get(build);
    if (known !== undefined && now_ms - known.at_ms < PLACES_AGE_MS) return known.count;
    const { id } = entry(this.builds, build);
    let count = 0;
    for (const { slots } of this.placement.selector.views(id)) count += slots?.get(id)?.maxConcurrency ?? 0;
    this.#places.set(build, { count, at_ms: now_ms });
    return count;
  }
}
