import type { Chance } from "./chance.js";
import type { Fate } from "./process.js";

/** What is played: requests and what they cost, or money that comes, goes and is given. */
export const WORLD_KINDS = ["requests", "movements"] as const;
export type WorldKind = (typeof WORLD_KINDS)[number];

export interface Plan {
  faultsLeft: number;
  /** Times that the world lets some time pass although nobody waits. */
  waits: number;
  /** At which gate the process falls silent, if it does. */
  readonly silence: number | undefined;
  fate(gate: number, label: string): Fate;
}

/** Some gates come late, or seldom: now and then one of them is aimed at. */
const AIMS: Readonly<Record<WorldKind, readonly string[]>> = {
  requests: ["spill", "ledger_settle", "clear spill", "commit", "ledger_attempt", "ledger_release"],
  movements: [
    ...["commit", "begin", "ledger_post_entries", "outbox", "withdrawals", "stripe_events", "billing_sessions", "payment_disputes"],
    ...["POST /v1/checkout/sessions", "POST /v1/transfers", "POST /v1/payouts", "POST /v1/transfers/tr/reversals", "GET /v1/events"],
    ...["POST /v1/transfers", "POST /v1/transfers", "POST /v1/payouts", "chain broadcast"],
    ...["chain nonces", "chain broadcast", "chain receipt", "chain_transfers", "erasure_requests", "invite_codes", "machine_minutes"],
  ],
};
/** What comes of what is aimed at: of two who no longer agree on what has happened, the one outside matters more. */
const AIMED: Readonly<Record<WorldKind, readonly Fate[]>> = {
  requests: ["dies_before", "dies_after"],
  movements: ["dies_before", "dies_after", "lost_after", "lost_after"],
};
/** Gates of a world of the kind, or so. */
const GATES: Readonly<Record<WorldKind, number>> = { requests: 14, movements: 120 };

/** Where this seed's processes are killed, cut off or misled. A few faults each: more would hide what one alone can do. */
export function planOf(kind: WorldKind, chance: Chance): Plan {
  const gates = GATES[kind];
  const kills = Array.from({ length: chance.below(3) }, () => chance.below(gates));
  const partition = chance.happens(0.2) ? chance.below(gates) : undefined;
  const partitionGates = 1 + chance.below(6);
  let aim: string | undefined = chance.happens(kind === "requests" ? 0.4 : 0.9) ? chance.pick(AIMS[kind]) : undefined;
  const errors = chance.happens(0.5) ? 2.1 / gates : 0;
  return {
    faultsLeft: 6,
    waits: kind === "requests" ? chance.below(3) : 2 + chance.below(4),
    // Whoever sleeps for days is no case here: Stripe forgets what it was asked, and the request that he sends then would be a new one.
    silence: kind === "requests" && chance.happens(0.1) ? 2 + chance.below(10) : undefined,
    fate(gate, label) {
      if (this.faultsLeft <= 0) return "done";
      const fate = fateAt(gate, label);
      if (fate !== "done") this.faultsLeft -= 1;
      return fate;
    },
  };

  function fateAt(gate: number, label: string): Fate {
    if (label === aim) {
      aim = undefined;
      return chance.pick(AIMED[kind]);
    }
    if (kills.includes(gate)) return chance.pick(["dies_before", "dies_after"]);
    if (partition !== undefined && gate >= partition && gate < partition + partitionGates)
      return chance.pick(["lost_before", "lost_after"]);
    return chance.happens(errors) ? chance.pick(["lost_before", "lost_after", "refused"]) : "done";
  }
}
