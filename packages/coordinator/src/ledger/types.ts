import type { Usage } from "@umbel/protocol";

/** Integer micro-USD. 1 USD is 1,000,000. */
export type MicroUsd = bigint;

/** Micro-USD per 1,000,000 tokens. */
export interface TokenPrices {
  readonly input_microUsd: MicroUsd;
  readonly output_microUsd: MicroUsd;
}

export interface Prices extends TokenPrices {
  readonly source: "platform" | "fallback";
}

export interface Balance {
  /** Spendable: what is on the account minus what is held. */
  readonly spendable_microUsd: MicroUsd;
  readonly held_microUsd: MicroUsd;
  readonly withdrawable_microUsd: MicroUsd;
}

export interface HoldRequest {
  readonly requestId: string;
  readonly accountId: string;
  /** Undefined for credentials that are not API keys. */
  readonly keyId: string | undefined;
  readonly build: string;
  /** Model name as the consumer wrote it. */
  readonly publicModel: string;
  /** Upper bound of prompt tokens for billing (money.md §7). */
  readonly promptBound_tokens: number;
  readonly outputBound_tokens: number;
  /** Snapshot used at settlement, whatever prices become meanwhile. */
  readonly prices: Prices;
}

export type HoldOutcome =
  | { readonly ok: true; readonly hold_microUsd: MicroUsd }
  /** The account may not spend. */
  | { readonly ok: false; readonly reason: "frozen" }
  | { readonly ok: false; readonly reason: "insufficient_funds"; readonly needed_microUsd: MicroUsd; readonly spendable_microUsd: MicroUsd }
  | {
      readonly ok: false;
      readonly reason: "key_limit";
      readonly needed_microUsd: MicroUsd;
      readonly limit_microUsd: MicroUsd;
      readonly used_microUsd: MicroUsd;
      readonly window: "none" | "daily" | "weekly" | "monthly";
    };

/** The machine that served, as it was when it was chosen. */
export interface ServedBy {
  readonly sessionId: string;
  readonly machineId: string;
  /** Undefined for a machine that is linked to no account: its earnings go to `sys:unclaimed`. */
  readonly accountId: string | undefined;
}

/** One machine that is about to be asked. */
export interface AttemptRequest {
  readonly requestId: string;
  /** Counts the machines asked for this request. */
  readonly attempt: number;
  readonly machineId: string;
  /** Whose machine it is; undefined if nobody's. */
  readonly accountId: string | undefined;
}

export type AttemptOutcome =
  /** `ownPrices` are what its owner asks for, where it asks for anything of its own: they are those to settle by. */
  | { readonly ok: true; readonly ownPrices: TokenPrices | undefined }
  /** The account or the key has not as much as this machine may cost. */
  | { readonly ok: false };

export interface Settlement {
  readonly requestId: string;
  /** The attempt that answered; absent is the only one. */
  readonly attempt?: number;
  /** Of that attempt, from `attempt`; absent is the prices of the hold. */
  readonly ownPrices?: TokenPrices;
  /** As reported by the provider or counted by the relay; clamped to the hold's bounds before pricing. */
  readonly usage: Usage;
  readonly servedBy: ServedBy;
  readonly reason: "complete" | "cancelled" | "provider_lost" | "no_terminal_after_cancel" | "timeout" | "slow_consumer";
}

export type SettleOutcome =
  | { readonly state: "settled"; readonly cost_microUsd: MicroUsd; readonly replayed: boolean }
  | { readonly state: "released"; readonly replayed: true }
  /** Not yet in the database; written to the spill file and retried, or put aside for a person. The answer may be given to the consumer. */
  | {
      readonly state: "pending";
      /** What comes of it in the end, or pending again where this process ends before. Absent where nothing more comes. */
      readonly afterwards?: Promise<SettleOutcome>;
    };

export type ReleaseReason =
  | "provider_error"
  | "client_gone"
  | "no_provider"
  | "queue_timeout"
  | "caller_deadline"
  | "first_content_timeout"
  | "no_terminal_after_cancel"
  | "coordinator_crash"
  | "internal_error";

/** What a request consumed on a machine of the consumer's own, where nothing was held for it. */
export interface FreeUsage extends Pick<HoldRequest, "requestId" | "accountId" | "keyId" | "build" | "publicModel"> {
  readonly usage: Usage;
  readonly servedBy: ServedBy;
  readonly admittedAt: Date;
}

export interface Credit {
  readonly accountId: string;
  readonly amount_microUsd: MicroUsd;
  readonly kind: "deposit" | "admin_credit";
  /** A repetition with equal content changes nothing; with other content it is refused. */
  readonly idempotencyKey: string;
  readonly reference: string;
}

/**
 * Money of accounts: double entry, two-phase. Every method that moves money is one database transaction; none swallows an error.
 * Database trouble surfaces as `LedgerUnavailableError`, never as a zero balance.
 */
export interface Ledger {
  /** One statement: raises the account's and key's held amount and inserts the reservation, or refuses. */
  hold(request: HoldRequest): Promise<HoldOutcome>;
  /** Holds as much as this machine may cost, before it is asked. Without a price of its owner's nothing changes. */
  attempt(attempt: AttemptRequest): Promise<AttemptOutcome>;
  /** The machine does not answer the request: what only it needed is given back. Repeating it changes nothing. */
  abandon(requestId: string, attempt: number): Promise<void>;
  /** The consumer left after content: keeps the hold open for the provider's terminal, durably. False if it was final already. */
  park(requestId: string): Promise<boolean>;
  /** Posts the real price and releases the rest, with usage and earnings, in one transaction. Retries; spills to disk after 1 s. */
  settle(settlement: Settlement): Promise<SettleOutcome>;
  /** Gives the whole hold back. False if it was final already. */
  release(requestId: string, reason: ReleaseReason): Promise<boolean>;
  /** Keeps what was consumed for nothing, for its owner to see. */
  useFreely(usage: FreeUsage): Promise<void>;
  credit(credit: Credit): Promise<void>;
  /** Gives a machine's owner what it earned before it had one, as far back as that may lie. @returns how much */
  claim(machineId: string, accountId: string): Promise<MicroUsd>;
  /** What nobody has claimed in time becomes the platform's. @returns how much */
  lapse(): Promise<MicroUsd>;
  /** Fees lie in several accounts of the house at first, so that settlements need not wait for each other; they become the platform's. @returns how much */
  gatherFees(): Promise<MicroUsd>;
  balance(accountId: string): Promise<Balance>;
  /** What a key has spent and holds in its current window. */
  keySpend(keyId: string): Promise<{ readonly spent_microUsd: MicroUsd; readonly held_microUsd: MicroUsd }>;
  /** Price of a build now. Cached; never a default because of a database error. */
  prices(build: string): Promise<Prices>;
  listPrices(): Promise<{ readonly prices: readonly { readonly model: string; readonly prices: Prices }[]; readonly fallback: Prices }>;
  /** Replays the spill file, then releases holds of instances that are gone. Run before serving, then periodically. */
  recover(): Promise<{ readonly replayed: number; readonly released: number }>;
  /** Settlements that are on disk and not known to be in the database. */
  spilled(): number;
  /** Waits for settlements in progress; what cannot commit within `timeout_ms` is spilled. */
  close(timeout_ms: number): Promise<void>;
}

/** The database gave no answer. What was asked for may or may not have happened; it is not reported as done. */
export class LedgerUnavailableError extends Error {
  override readonly name = "LedgerUnavailableError";
}

/** A credit with this idempotency key and other content exists. */
export class IdempotencyConflictError extends Error {
  override readonly name = "IdempotencyConflictError";
}
