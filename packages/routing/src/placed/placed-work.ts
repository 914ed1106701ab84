import type { Capacity, Heartbeat } from "@umbel/protocol";
import type { PendingView, ProviderView } from "../types.js";
import { type ReportedWork, withHeartbeat, withoutPending, withoutReported, withPending, withRead, withUnreported } from "../views.js";

/** One request on one connection: what the coordinator reckons of it, and what the machine has said of it. */
export interface Placed {
  readonly build: string;
  /** Prompt and largest output, estimated. */
  readonly tokens: number;
  /** Of its prompt; 0 once it has been read. */
  unread_tokens: number;
  /** Its number among the requests of the connection; undefined until it is sent. */
  ordinal: number | undefined;
  /** Whoever placed it has not given it up. */
  isOpen: boolean;
  /** The machine has said its last word on it, or was never sent it. */
  hasEnded: boolean;
  /** Whether the machine's figures hold it, or the coordinator adds it to them. */
  counted: "reported" | "added" | "not";
  /** As the machine reported it. */
  reported: ReportedWork;
}

const NOTHING: ReportedWork = { requests: 0, tokens: 0 };

/**
 * The work on one connection, held against what the machine reports (routing.md §4.2). Requests are numbered as they are sent, and a heartbeat
 * says how far it has come in them and which of them its figures count. So the figures and what was placed since can be added up, and a request
 * that ends is taken off whichever of the two holds it. A machine that does not say so much is reckoned by sums: whichever is more, what was
 * placed or what it reports.
 */
export class PlacedWork {
  /** Whatever is open or has not ended. */
  readonly #work: Placed[] = [];
  #sent = 0;
  /** The last heartbeat has told which requests it counts. */
  #isReconciled = false;

  /** Puts a request on the machine's account; it may be sent later. */
  place(
    view: ProviderView,
    build: string,
    { tokens, unread_tokens, memory }: Pick<PendingView, "tokens" | "memory"> & { readonly unread_tokens: number },
  ): { readonly view: ProviderView; readonly placed: Placed } {
    const placed: Placed = {
      build,
      tokens,
      unread_tokens,
      ordinal: undefined,
      isOpen: true,
      hasEnded: false,
      counted: this.#isReconciled ? "added" : "not",
      reported: NOTHING,
    };
    this.#work.push(placed);
    const [unreported_requests, unreported_tokens] = this.#isReconciled ? [1, tokens] : [];
    const added = { requests: 1, tokens, unread_tokens, memory, unreported_requests, unreported_tokens };
    return { view: withPending(view, build, added), placed };
  }

  /** @returns the number that goes with the request to the machine; requests must leave in the order of their numbers */
  sent(placed: Placed): number {
    this.#sent += 1;
    placed.ordinal = this.#sent;
    return this.#sent;
  }

  /** The machine has begun to answer: the prompt has been read. */
  read(view: ProviderView, placed: Placed): ProviderView {
    const { build, unread_tokens } = placed;
    placed.unread_tokens = 0;
    return withRead(view, build, unread_tokens);
  }

  /**
   * The machine has said its last word on it, or will never be sent it. The view changes where whoever placed it has given it up already, else
   * when that happens.
   */
  ended(view: ProviderView, placed: Placed): ProviderView {
    if (placed.hasEnded) return view;
    placed.hasEnded = true;
    if (placed.isOpen) return view;
    this.#forget(placed);
    return placed.counted === "not" ? view : withoutCounted(view, placed, NOTHING);
  }

  /** Whoever placed it gives it up. What was sent and has not ended is still the machine's, and counts until the machine says otherwise. */
  released(view: ProviderView, placed: Placed): ProviderView {
    if (!placed.isOpen) return view;
    placed.isOpen = false;
    const { build, tokens, unread_tokens, ordinal } = placed;
    const given = { requests: 1, tokens, unread_tokens };
    const isOver = ordinal === undefined || placed.hasEnded;
    if (isOver) this.#forget(placed);
    if (!this.#isReconciled) return withoutPending(view, build, given);
    return isOver ? withoutCounted(view, placed, given) : withoutPending(view, build, given, NOTHING);
  }

  /** Replaces everything the heartbeat reports, and finds out what of the placed work its figures do not hold. */
  heartbeat(before: ProviderView, heartbeat: Heartbeat): ProviderView {
    const view = withHeartbeat(before, heartbeat);
    const { capacity } = heartbeat;
    if (capacity?.requests_seen === undefined) return this.#bySums(view);
    this.#isReconciled = true;
    return this.#reconciled(view, capacity, capacity.requests_seen);
  }

  #reconciled(view: ProviderView, capacity: Capacity, seen: number): ProviderView {
    const counted = countedRequests(capacity);
    const added = new Map<string, ReportedWork>();
    this.#keep((placed) => {
      const { ordinal, build, tokens } = placed;
      const report = ordinal === undefined ? undefined : counted.get(ordinal);
      // What has ended since the figures were taken is left, and taken off them below.
      if (placed.hasEnded) placed.counted = "not";
      else if (report !== undefined && ordinal !== undefined) {
        counted.delete(ordinal);
        placed.counted = "reported";
        placed.reported = report;
      } else if (placed.isOpen || isAtMachine(placed, capacity, seen)) {
        placed.counted = "added";
        const before = added.get(build) ?? NOTHING;
        added.set(build, { requests: before.requests + 1, tokens: before.tokens + tokens });
      } else return false;
      return true;
    });
    let reconciled = withUnreported(view, added);
    for (const { build, ...ended } of counted.values()) reconciled = withoutReported(reconciled, build, ended);
    return reconciled;
  }

  /** The machine does not tell: what was given up is not looked after any more. */
  #bySums(view: ProviderView): ProviderView {
    this.#keep(({ isOpen }) => isOpen);
    if (!this.#isReconciled) return view;
    this.#isReconciled = false;
    for (const placed of this.#work) placed.counted = "not";
    return withUnreported(view, undefined);
  }

  #keep(isKept: (placed: Placed) => boolean): void {
    let kept = 0;
    for (const placed of this.#work) {
      if (!isKept(placed)) continue;
      this.#work[kept] = placed;
      kept += 1;
    }
    if (kept < this.#work.length) this.#work.length = kept;
  }

  #forget(placed: Placed): void {
    const index = this.#work.indexOf(placed);
    if (index >= 0) this.#work.splice(index, 1);
  }
}

/** Whether the machine has it, or has yet to receive it. */
function isAtMachine({ ordinal = Number.POSITIVE_INFINITY }: Placed, { requests_held = [] }: Capacity, seen: number): boolean {
  return ordinal > seen || requests_held.includes(ordinal);
}

/** By number, what the figures of slots count. A slot whose figures are less than what it says they count is not believed. */
function countedRequests({ slots }: Capacity): Map<number, ReportedWork & { readonly build: string }> {
  const counted = new Map<number, ReportedWork & { readonly build: string }>();
  for (const { model: build, requests = [], token_budget_used } of slots) {
    let sum_tokens = 0;
    for (const { tokens } of requests) sum_tokens += tokens;
    if (sum_tokens > token_budget_used) continue;
    for (const { ordinal, tokens, places } of requests) counted.set(ordinal, { build, tokens, requests: places });
  }
  return counted;
}

/** Takes it off the work that was placed, and off whatever counts it now. */
function withoutCounted(view: ProviderView, placed: Placed, given: ReportedWork & { readonly unread_tokens?: number }): ProviderView {
  const { build, counted, tokens, reported } = placed;
  placed.counted = "not";
  const [unreported_requests, unreported_tokens] = counted === "added" ? [1, tokens] : [];
  const ended = {
    requests: given.requests,
    tokens: given.tokens,
    unread_tokens: given.unread_tokens,
    unreported_requests,
    unreported_tokens,
  };
  return withoutPending(view, build, ended, counted === "reported" ? reported : NOTHING);
}
