import type { Clock } from "@umbel/protocol";
import { createDesk, type FakeEvent, type StripeDesk } from "../../../../payments/testing/index.js";
import { ifAway } from "../away.js";
import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import type { Process } from "../process.js";
import type { Deed, Services } from "../story.js";
import { SimulatedChain } from "./simulated-chain.js";

/** So long Stripe waits for a request that is under way; whoever sends it has given up by then. */
const REQUEST_ms = 30_000;
const NEVER_COMES = 0.2;
const COMES_TWICE = 0.25;
/** Until what was refused comes again. */
const AGAIN_ms = 3_600_000;

/** How the bank ends a payout. `returned`: it was paid first. */
type PayoutEnd = "paid" | "failed" | "canceled" | "returned";

/**
 * What is outside of all processes, and stays when they die: Stripe, its events on their way, banks, and a chain. What an event tells comes once,
 * twice, late, in another order or never.
 */
export class Outside {
  readonly desk: StripeDesk;
  readonly chain: SimulatedChain;
  readonly #waiting = new Set<FakeEvent>();
  /** By whom it is being received; a dead process does not say that it has. */
  readonly #receivers = new Map<FakeEvent, Services>();
  /** When what was refused comes again. */
  readonly #postponed = new Map<FakeEvent, number>();
  readonly #ends = new Map<string, PayoutEnd>();
  #seen = 0;
  #hasLost = false;

  constructor(
    private readonly chance: Chance,
    private readonly clock: Pick<Clock, "date">,
    { seed, bank }: Cast,
  ) {
    this.desk = createDesk(clock);
    this.chain = new SimulatedChain(chance, `sender-${seed}`);
    const open = {
      balance: 0,
      payoutsEnabled: true,
      detailsSubmitted: true,
      currentlyDue: [],
      disabledReason: null,
      destination: "debit",
    } as const;
    this.desk.world.accounts.set(bank, { ...open, currentlyDue: [], id: bank, country: "US" });
  }

  /** Stripe, as one process reaches it: its own SDK, with a gate in the place of the network. */
  fetchOf(process: Process): typeof fetch {
    const { clock, desk } = this;
    return async (address, init) => {
      const url = new URL(String(address));
      const headers = new Map(new Headers(init?.headers).entries());
      const request = {
        method: init?.method ?? "GET",
        url: `${url.pathname}${url.search}`,
        body: typeof init?.body === "string" ? init.body : "",
        header: (name: string) => headers.get(name),
      };
      const sentAt_ms = clock.date().getTime();
      const answer = await process.ask(`${request.method} ${url.pathname.replaceAll(/_test_\w+|_\d+/g, "")}`, async () => {
        if (clock.date().getTime() - sentAt_ms > REQUEST_ms) throw new TypeError("the request took too long");
        return desk.respond(request);
      });
      if (answer === undefined) throw new TypeError("no answer");
      // What the SDK reads of a Response, which comes at once.
      const response = { status: answer.status, headers: Object.entries(answer.headers), text: async () => answer.body };
      return response as unknown as Response;
    };
  }

  /** Whether there is anything that a process has not been told. */
  isWaiting(services: Services): boolean {
    return this.#due(services).length > 0;
  }

  /** An event comes to this process; it comes again while nobody says that it was received. */
  next(services: Services): Deed | undefined {
    const events = this.#due(services);
    if (events.length === 0) return undefined;
    const event = this.chance.pick(events);
    this.#receivers.set(event, services);
    return async ({ payments }) => {
      try {
        await payments.receive({ endpoint: event.endpoint, ...this.desk.signed(event) });
        if (!this.chance.happens(COMES_TWICE)) this.#waiting.delete(event);
      } catch (error) {
        this.#postponed.set(event, this.clock.date().getTime() + AGAIN_ms);
        // A refund before its deposit is kept and taken up again; Stripe sends it again as well.
        if (!(error instanceof Error && error.name === "DepositNotCredited")) ifAway(error);
      } finally {
        this.#receivers.delete(event);
      }
    };
  }

  /** Time goes by: banks come to their decisions, blocks are mined. */
  pass(): void {
    const { world } = this.desk;
    for (const { id, status } of [...world.payouts.values()]) {
      const end = this.#ends.get(id) ?? this.chance.pick<PayoutEnd>(["paid", "paid", "failed", "canceled", "returned", "returned"]);
      this.#ends.set(id, end);
      if (status === "pending") world.settle(id, end === "returned" ? "paid" : end);
      else if (status === "paid" && end === "returned") world.settle(id, "failed");
    }
    this.chain.mine();
  }

  /** Whether anything was told that never comes. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  /** Whether banks and the chain will do nothing more by themselves. */
  get isQuiet(): boolean {
    const open = [...this.desk.world.payouts.values()].some(
      ({ id, status }) => status === "pending" || (status === "paid" && this.#ends.get(id) === "returned"),
    );
    return !open && this.#waiting.size === 0;
  }

  #due(services: Services): readonly FakeEvent[] {
    this.#collect();
    const now_ms = this.clock.date().getTime();
    return [...this.#waiting].filter((event) => this.#receivers.get(event) !== services && (this.#postponed.get(event) ?? 0) <= now_ms);
  }

  #collect(): void {
    const { events } = this.desk.world;
    for (; this.#seen < events.length; this.#seen += 1) {
      const event = events[this.#seen];
      if (event === undefined) continue;
      if (this.chance.happens(NEVER_COMES)) this.#hasLost = true;
      else this.#waiting.add(event);
    }
  }
}
