import type { PendingView, ProviderView, SlotView } from "../types.js";

/** What is summed up over all builds of a machine. */
export interface MachineSums {
  /** Requests that its slots name together. */
  readonly namedConcurrency: number;
  /** Whether some slot bounds tokens itself. */
  readonly isBudgeted: boolean;
  /** Tokens that all slots have taken, and for how many more there is room in the pool that they share. */
  readonly committed_tokens: number;
  readonly free_tokens: number;
  /** The latter less what was placed and no report shows yet. */
  readonly poolRoom_tokens: number;
  /** Of prompts that were placed and have not been read. */
  readonly unread_tokens: number;
}

type Works = Pick<ProviderView, "slots" | "pending">;

let latest: Works = { slots: undefined, pending: new Map() };
let sums: MachineSums = reckoned(latest);

/**
 * Kept of the machine that was asked about last, for as long as slots and pending work are the same objects, which are never changed: whoever
 * asks for one build of a machine asks for its others next.
 */
export function machineSums(machine: Works): MachineSums {
  if (machine.slots === latest.slots && machine.pending === latest.pending) return sums;
  latest = { slots: machine.slots, pending: machine.pending };
  sums = reckoned(latest);
  return sums;
}

/** Tokens that the coordinator has placed for a build and that its slot's report does not show yet. */
export function unreported_tokens(work: PendingView | undefined, slot: SlotView | undefined): number {
  if (work === undefined) return 0;
  return work.unreported_tokens ?? Math.max(0, work.tokens - Math.max(slot?.tokenBudgetUsed ?? 0, slot?.activeTokens ?? 0));
}

function reckoned({ slots, pending }: Works): MachineSums {
  let namedConcurrency = 0;
  let isBudgeted = false;
  let committed_tokens = 0;
  let free_tokens = 0;
  slots?.forEach(({ maxConcurrency, tokenBudgetMax, tokenBudgetUsed }) => {
    namedConcurrency += maxConcurrency;
    if (tokenBudgetMax > 0) {
      isBudgeted = true;
      committed_tokens += Math.min(tokenBudgetUsed, tokenBudgetMax);
    }
    free_tokens = Math.max(free_tokens, tokenBudgetMax - tokenBudgetUsed);
  });
  let placed_tokens = 0;
  let unread_tokens = 0;
  if (pending.size > 0) {
    pending.forEach((work, build) => {
      placed_tokens += unreported_tokens(work, slots?.get(build));
      unread_tokens += work.unread_tokens ?? 0;
    });
  }
  return { namedConcurrency, isBudgeted, committed_tokens, free_tokens, poolRoom_tokens: free_tokens - placed_tokens, unread_tokens };
}
