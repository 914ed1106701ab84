import type { Clock } from "@umbel/protocol";
import { InsufficientFundsError } from "../../ledger/index.js";
import { balanceRepository, standingRepository, type Tx, type WithdrawalRow, withdrawalRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import { CENT_microUsd, PAYMENT_LIMITS, USD_microUsd } from "../limits.js";
import type { Outbox } from "../outbox/outbox.js";
import { PaymentRefusal } from "../payment-refusal.js";
import type { PayoutRail, Quote } from "./payout-rail.js";
import { CLEARING, debit } from "./withdrawal-book.js";

export interface WithdrawalRequest {
  readonly accountId: string;
  readonly amount_microUsd: bigint;
  readonly method: string;
  /** The same request sent again by a caller who heard no answer. */
  readonly clientKey?: string | undefined;
}

/** Money that goes out. Every method throws LedgerUnavailableError when the database does not answer. */
export interface Withdrawals {
  /** Takes the money, then sends it; answers with what was reached in a few seconds, and goes on by itself. @throws PaymentRefusal */
  withdraw(rail: PayoutRail, request: WithdrawalRequest): Promise<WithdrawalRow>;
  /** Undefined also when it is another account's. */
  get(accountId: string, id: string): Promise<WithdrawalRow | undefined>;
  /** Newest first. */
  list(accountId: string, query: { readonly limit: number; readonly rail?: WithdrawalRow["rail"] }): Promise<readonly WithdrawalRow[]>;
}

export interface WithdrawalSettings {
  /** Of one account in one day, UTC. */
  readonly dailyMax_microUsd: bigint;
  /** For how long an earning cannot be withdrawn. */
  readonly hold_ms: number;
}

export interface WithdrawalDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly settings: WithdrawalSettings;
  readonly newId: () => string;
}

export function createWithdrawals({ database, clock, outbox, settings, newId }: WithdrawalDependencies): Withdrawals {
  async function checkAvailable(tx: Tx, row: { readonly accountId: string; readonly amount_microUsd: bigint; readonly clearing: string }) {
    const { accountId, amount_microUsd } = row;
    if ((await standingRepository.lock(tx, accountId)) !== null)
      throw new PaymentRefusal("account_frozen", "this account is frozen — ask whoever runs this network");
    const now = clock.date();
    const today = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
    const already_microUsd = await withdrawalRepository.sumSince(tx, accountId, today);
    if (already_microUsd + amount_microUsd > settings.dailyMax_microUsd) {
      const message = `at most ${settings.dailyMax_microUsd / USD_microUsd} USD can be withdrawn in a day`;
      throw new PaymentRefusal("invalid_request_error", message, "amount_usd");
    }
    const balance = await balanceRepository.lock(tx, accountId, [row.clearing, "platform"]);
    const free_microUsd = balance.balance_microUsd - balance.held_microUsd;
    const earned_microUsd = balance.withdrawable_microUsd < free_microUsd ? balance.withdrawable_microUsd : free_microUsd;
    const isHeld = settings.hold_ms > 0;
    const fresh_microUsd = isHeld ? await withdrawalRepository.earnedSince(tx, accountId, new Date(now.getTime() - settings.hold_ms)) : 0n;
    if (earned_microUsd - fresh_microUsd >= amount_microUsd) return;
    throw tooLittle(
      isHeld && earned_microUsd >= amount_microUsd ? `earnings can be withdrawn after ${settings.hold_ms / 3_600_000} hours` : undefined,
    );
  }

  async function begin(tx: Tx, rail: PayoutRail, request: WithdrawalRequest, quote: Quote): Promise<WithdrawalRow> {
    const { accountId, amount_microUsd, method, clientKey } = request;
    const at = clock.date();
    await checkAvailable(tx, { accountId, amount_microUsd, clearing: CLEARING[rail.name].clearingAccount });
    const { destination, fee_microUsd } = quote;
    const net_microUsd = amount_microUsd - fee_microUsd;
    if (net_microUsd < CENT_microUsd) throw new PaymentRefusal("invalid_request_error", "the fee would leave nothing", "amount_usd");
    const row = await withdrawalRepository.insert(tx, {
      ...{ id: newId(), accountId, rail: rail.name, destination, method, amount_microUsd, fee_microUsd, net_microUsd },
      ...{ status: "pending", clientKey: clientKey ?? null, createdAt: at, updatedAt: at },
    });
    await debit(tx, row, at);
    await outbox.enqueue(tx, { kind: rail.firstJob, aggregateId: row.id, idempotencyKey: `${rail.firstJob}:${row.id}` });
    return row;
  }

  async function known({ accountId, amount_microUsd, method, clientKey }: WithdrawalRequest, rail: PayoutRail) {
    if (clientKey === undefined) return undefined;
    const row = await database.read((tx) => withdrawalRepository.byClientKey(tx, accountId, clientKey));
    if (row === undefined) return undefined;
    if (row.amount_microUsd === amount_microUsd && row.method === method && row.rail === rail.name) return row;
    throw new PaymentRefusal("conflict", "this Idempotency-Key stands for another withdrawal");
  }

  /** Works on a withdrawal for as long as its caller waits; what is not reached by then is the outbox's. */
  async function sent(row: WithdrawalRow): Promise<WithdrawalRow> {
    let cancel: () => void = () => undefined;
    const patience = new Promise<void>((resolve) => {
      cancel = clock.setTimer(PAYMENT_LIMITS.withdrawalAnswer_ms, resolve);
    });
    // Its failures are the outbox's: the job stays, and is done later.
    const work = outbox.runDue(row.id).then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([work, patience]).finally(() => cancel());
    return (await database.read((tx) => withdrawalRepository.byId(tx, row.id))) ?? row;
  }

  return {
    async withdraw(rail, request) {
      const before = await known(request, rail);
      if (before !== undefined) return before;
      const quote = await rail.quote(request);
      checkAmount(request.amount_microUsd);
      try {
        return await sent(await database.transaction((tx) => begin(tx, rail, request, quote)));
      } catch (error) {
        if (error instanceof InsufficientFundsError) throw tooLittle(undefined, error);
        // Of two at once with one key, the other was first.
        const first = await known(request, rail);
        if (first !== undefined) return first;
        throw error;
      }
    },

    async get(accountId, id) {
      const row = await database.read((tx) => withdrawalRepository.byId(tx, id));
      return row?.accountId === accountId ? row : undefined;
    },

    list: (accountId, query) => database.read((tx) => withdrawalRepository.ofAccount(tx, accountId, query)),
  };
}

function checkAmount(amount_microUsd: bigint): void {
  if (amount_microUsd < PAYMENT_LIMITS.withdrawal_microUsd_min)
    throw new PaymentRefusal("invalid_request_error", "amount_usd must be at least 1.00", "amount_usd");
  if (amount_microUsd % CENT_microUsd !== 0n)
    throw new PaymentRefusal("invalid_request_error", "amount_usd must be in whole cents", "amount_usd");
}

function tooLittle(why: string | undefined, cause?: unknown): PaymentRefusal {
  const message = why ?? "the account has not so much that can be withdrawn: only earnings can, and what is held for requests cannot";
  return new PaymentRefusal("insufficient_withdrawable", message, "amount_usd", cause === undefined ? undefined : { cause });
}
