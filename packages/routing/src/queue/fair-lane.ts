import { type Demand, demandOf, Tried } from "./tried.js";
import { turn_tokens, type Waiter } from "./waiter.js";

/** What an account's turn is worth, in tokens: less than a request, since turns that nobody can use are passed over in one step. */
export const QUANTUM_tokens = 64;

/** What became of an offer: it has a place, it has none yet, or no place will ever do. */
export type Verdict = "served" | "unserved" | "hopeless";

/** One account's waiters, in the order in which they came. */
interface Flow<W> {
  readonly accountId: string;
  readonly waiters: Map<W, Demand>;
  /** Tokens that its turns have earned and it has not used. */
  credit_tokens: number;
}

/** A flow while places are being offered: its next waiter that has not been asked. */
interface Contender<W> {
  readonly flow: Flow<W>;
  readonly waiters: readonly (readonly [W, Demand])[];
  asked: number;
}

/**
 * A line that is fair between accounts: deficit round-robin (Shreedhar and Varghese, 1995) by the tokens that requests ask for. Accounts take
 * turns, each turn earns the same tokens, and a request goes when its account has earned it. So an account with a thousand waiters delays
 * another's only one by a turn.
 *
 * Two things differ from packets on a link. A waiter that no free place suits is passed over, within its account too. And only accounts that
 * are in the running for a place earn by its being given away, so that nobody saves up while nothing would suit it.
 */
export class FairLane<W extends Waiter> {
  /** In the order of their turns; the last had its turn last, and goes on while it has credit. */
  #flows = new Map<string, Flow<W>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Waiters of one account. */
  of(accountId: string): number {
    return this.#flows.get(accountId)?.waiters.size ?? 0;
  }

  /** Waiters that would go before one that joined for the account now, if all were alike. */
  ahead(accountId: string): number {
    const own = this.of(accountId);
    let ahead = 0;
    for (const { waiters } of this.#flows.values()) ahead += Math.min(waiters.size, own + 1);
    return ahead;
  }

  /** The account with most waiters, and its last one: who would have to make room. */
  get longest(): { readonly waiting: number; readonly last: W } | undefined {
    let longest: Flow<W> | undefined;
    for (const flow of this.#flows.values()) if (longest === undefined || flow.waiters.size > longest.waiters.size) longest = flow;
    const last = longest && [...longest.waiters.keys()].at(-1);
    return longest && last && { waiting: longest.waiters.size, last };
  }

  add(waiter: W): void {
    const { accountId } = waiter.spec;
    const flow = this.#flows.get(accountId) ?? { accountId, waiters: new Map(), credit_tokens: 0 };
    this.#flows.set(accountId, flow);
    flow.waiters.set(waiter, demandOf(waiter.spec));
    this.#size += 1;
  }

  /** @returns whether it was there: of all who want to end a wait, one does */
  remove(waiter: W): boolean {
    const flow = this.#flows.get(waiter.spec.accountId);
    if (flow === undefined || !flow.waiters.delete(waiter)) return false;
    this.#size -= 1;
    // What an account has earned lasts as long as it waits.
    if (flow.waiters.size === 0) this.#flows.delete(flow.accountId);
    return true;
  }

  *waiters(): Iterable<W> {
    for (const { waiters } of this.#flows.values()) yield* waiters.keys();
  }

  /**
   * Offers what is free to those who wait, each at most once, in the order of their turns, until nobody more can be served. A
   * waiter is served and taken out in one synchronous step, so that nothing else can end its wait in between.
   */
  offer(serve: (waiter: W) => Verdict): void {
    const tried = new Tried();
    const ring = [...this.#flows.values()].map((flow): Contender<W> => ({ flow, waiters: [...flow.waiters], asked: 0 }));
    while (this.#offerNext(ring, tried, serve)) {
      // Each time round, one was served.
    }
    // Those who had a turn now stand behind those who did not.
    for (const { flow } of ring) if (this.#flows.delete(flow.accountId)) this.#flows.set(flow.accountId, flow);
  }

  /** @returns whether somebody was served */
  #offerNext(ring: Contender<W>[], tried: Tried, serve: (waiter: W) => Verdict): boolean {
    for (;;) {
      const running = ring.filter((contender) => isRunning(contender, tried));
      const turn = nextTurn(running);
      if (turn === undefined) return false;
      const { contender, waiter, demand } = turn;
      contender.asked += 1;
      const verdict = serve(waiter);
      if (verdict === "unserved") {
        tried.add(demand);
        continue;
      }
      this.remove(waiter);
      if (verdict === "hopeless") continue;
      passTurns(running, turn);
      ring.push(...ring.splice(0, ring.indexOf(contender) + 1));
      return true;
    }
  }
}

interface Turn<W> {
  readonly contender: Contender<W>;
  readonly waiter: W;
  readonly demand: Demand;
  /** Turns of its account until it has earned it. */
  readonly rounds: number;
}

/** Who goes next: the one that needs fewest turns to earn it, and among those the first in the ring. */
function nextTurn<W extends Waiter>(running: readonly Contender<W>[]): Turn<W> | undefined {
  let next: Turn<W> | undefined;
  for (const contender of running) {
    const entry = contender.waiters[contender.asked];
    if (entry === undefined) continue;
    const [waiter, demand] = entry;
    const rounds = Math.max(0, Math.ceil((turn_tokens(waiter) - contender.flow.credit_tokens) / QUANTUM_tokens));
    if (next === undefined || rounds < next.rounds) next = { contender, waiter, demand, rounds };
  }
  return next;
}

/** Whether the contender has a waiter left that is worth asking; those before it that are not are passed over. */
function isRunning<W extends Waiter>(contender: Contender<W>, tried: Tried): boolean {
  for (let entry = contender.waiters[contender.asked]; entry !== undefined; entry = contender.waiters[contender.asked]) {
    if (!tried.covers(entry[1])) return true;
    contender.asked += 1;
  }
  return false;
}

/** Everybody in the running earns the turns that passed until this one went. */
function passTurns<W extends Waiter>(running: readonly Contender<W>[], { contender, rounds, waiter }: Turn<W>): void {
  const position = running.indexOf(contender);
  for (const [index, { flow }] of running.entries()) {
    flow.credit_tokens += QUANTUM_tokens * (index <= position ? rounds : Math.max(0, rounds - 1));
  }
  contender.flow.credit_tokens -= turn_tokens(waiter);
}
