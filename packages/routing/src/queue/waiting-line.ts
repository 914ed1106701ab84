import { FairLane, type Verdict } from "./fair-lane.js";
import type { Waiter } from "./waiter.js";

/** A line may be so many times as long as the build has places: with more, those at its end would wait for several turns. */
const WAITERS_PER_PLACE = 2;

/** What decides whether one more may join. */
export interface LineConditions {
  /** Length that a line may have however few places there are. */
  readonly waiters_min: number;
  /** Requests that the build's machines take at once, all together. */
  readonly places: number;
  /** Places that become free, per second; 0 is unknown. */
  readonly drain_perSecond: number;
}

export type Joined<W> =
  /** `displaced` had to make room: it has left, as from a line that is full. */
  | { readonly outcome: "joined"; readonly displaced: W | undefined }
  | { readonly outcome: "full" }
  /** It would still stand in line when its time is over. */
  | { readonly outcome: "too_long"; readonly wait_ms: number };

/** Where a place is looked for: on any machine, or only on those of the waiter's own account. */
export type Scope = "any" | "own";

/**
 * Those who wait for a place of one build (routing.md §8): in turns between accounts, and for their own machines in a lane of their own, so
 * that nobody's crowd stands between an owner and a machine that only the owner may use. Requests that a machine has failed go before those
 * that had none yet, and find room however long the line is: they had their turn, and are no more than the places there were.
 */
export class WaitingLine<W extends Waiter> {
  readonly #open = new FairLane<W>();
  readonly #again = new FairLane<W>();
  readonly #own = new FairLane<W>();

  get size(): number {
    return this.#open.size + this.#again.size + this.#own.size;
  }

  /** Whether nobody waits who would have to go before a request of the account for its own machines. */
  isOwnLaneFree(accountId: string): boolean {
    return this.#own.of(accountId) === 0;
  }

  /** Whether one more request of the account would be turned away, or would have to displace itself. */
  isFullFor({ route, accountId }: Pick<W["spec"], "route" | "accountId">, conditions: LineConditions): boolean {
    if (route === "self") return this.#own.of(accountId) >= conditions.waiters_min;
    return this.#isLong(conditions) && !this.#mayDisplace(accountId);
  }

  /** When one more request of the account would have its turn, at the rate at which places become free; 0 where that is unknown. */
  estimatedWait_ms(accountId: string, { drain_perSecond }: LineConditions): number {
    return drain_perSecond > 0 ? ((this.#again.size + this.#open.ahead(accountId) + 1) * 1_000) / drain_perSecond : 0;
  }

  join(waiter: W, now_ms: number, conditions: LineConditions): Joined<W> {
    const { route, accountId } = waiter.spec;
    if (waiter.isRetry) return joined(route === "self" ? this.#own : this.#again, waiter);
    if (this.isFullFor(waiter.spec, conditions)) return { outcome: "full" };
    if (route === "self") return joined(this.#own, waiter);
    const wait_ms = this.estimatedWait_ms(accountId, conditions);
    if (wait_ms > waiter.deadline_ms - now_ms) return { outcome: "too_long", wait_ms };
    const displaced = this.#isLong(conditions) ? this.#open.longest?.last : undefined;
    if (displaced !== undefined) this.#open.remove(displaced);
    return joined(this.#open, waiter, displaced);
  }

  /** @returns whether it still stood there. Whoever wants to end a wait takes the waiter out first, so that it ends once. */
  leave(waiter: W): boolean {
    return this.#own.remove(waiter) || this.#again.remove(waiter) || this.#open.remove(waiter);
  }

  /** Takes out those whose time is over. */
  expire(now_ms: number): readonly W[] {
    const expired = [...this.#own.waiters(), ...this.#again.waiters(), ...this.#open.waiters()].filter(
      ({ deadline_ms }) => deadline_ms <= now_ms,
    );
    for (const waiter of expired) this.leave(waiter);
    return expired;
  }

  /**
   * Offers what is free to those who wait, until nobody more can be served. Owners come first, for their own machines; a request that only
   * prefers its owner's machines has its turn among all others too.
   *
   * @param serve reserves a place for the waiter, in the same synchronous step
   */
  offer(serve: (waiter: W, scope: Scope) => Verdict): void {
    this.#own.offer((waiter) => serve(waiter, "own"));
    for (const waiter of [...this.#again.waiters(), ...this.#open.waiters()]) {
      if (waiter.spec.route === "prefer" && serve(waiter, "own") === "served") this.leave(waiter);
    }
    this.#again.offer((waiter) => serve(waiter, "any"));
    this.#open.offer((waiter) => serve(waiter, "any"));
  }

  /** Places are asked for last: counting them may take a look at every machine. */
  #isLong(conditions: LineConditions): boolean {
    return this.#open.size >= conditions.waiters_min && this.#open.size >= lineLimit(conditions);
  }

  /** An account with fewer waiters than another may take a place in line from it, so that no crowd shuts others out. */
  #mayDisplace(accountId: string): boolean {
    return (this.#open.longest?.waiting ?? 0) > this.#open.of(accountId) + 1;
  }
}

function joined<W extends Waiter>(lane: FairLane<W>, waiter: W, displaced?: W): Joined<W> {
  lane.add(waiter);
  return { outcome: "joined", displaced };
}

/** Length at which a build's line is full. */
export function lineLimit({ waiters_min, places }: Pick<LineConditions, "waiters_min" | "places">): number {
  return Math.max(waiters_min, WAITERS_PER_PLACE * places);
}
