import type { Clock } from "@umbel/protocol";
import { ledgerRepository, STATEMENT_TIMEOUT_MS, type Store } from "../store/index.js";
import { createAttempts, type OpenTerms } from "./attempts.js";
import { bill } from "./bill.js";
import { asError, type LedgerEvent } from "./events.js";
import { AMOUNT_MICRO_USD_MAX, holdOutcome, holdRow } from "./hold.js";
import { createInstance, type DeadInstances, ORPHANS_PER_QUERY } from "./instance.js";
import { createLanes } from "./lanes.js";
import { type Entry, post } from "./posting.js";
import { clampUsage } from "./price.js";
import { createPriceList } from "./price-list.js";
import { attempt, persist, wait } from "./retry.js";
import { createSettlements, UnknownReservationError } from "./settlements.js";
import { createSpillFile, type SpillFile } from "./spill-file.js";
import {
  type Credit,
  type HoldOutcome,
  type HoldRequest,
  type Ledger,
  LedgerUnavailableError,
  type ReleaseReason,
  type Settlement,
} from "./types.js";

/** A hold that got no answer may still be running on the server until its statement times out; after that, giving it back is safe. */
const ABANDON_AFTER_MS = STATEMENT_TIMEOUT_MS + 1_000;
/** Statements of one account that the database has at once: while one is being made durable, the next is being read. */
const ACCOUNT_STATEMENTS_MAX = 2;
/** Which system account a credit comes from (money.md §5). */
const FUNDED_BY = { deposit: "sys:stripe", admin_credit: "sys:promo" } as const;
const SYSTEM_ACCOUNT = /^(?:platform$|sys:)/;
const UNCLAIMED = "sys:unclaimed";
const DAY_MS = 24 * 3_600_000;
const EVER = new Date(0);
const DEFAULT_REFERRAL_SHARE_PERCENT = 20;
const REFERRAL_SHARE_PERCENT_MAX = 50;
const DEFAULT_UNCLAIMED_DAYS = 30;
/** Rows that one transaction moves at most. */
const LAPSE_ROWS_MAX = 1_000;
const NO_BOUND = { promptBound_tokens: Number.MAX_SAFE_INTEGER, outputBound_tokens: Number.MAX_SAFE_INTEGER };

export interface LedgerOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Unique to this start of the coordinator: holds of other ids are candidates for recovery. */
  readonly instanceId: string;
  /** JSON-lines file for settlements that the database does not take, or what stands for one; must survive restarts. */
  readonly spill: string | SpillFile;
  readonly onEvent?: (event: LedgerEvent) => void;
  /** Jitter of retries; uniform in [0, 1). */
  readonly random?: () => number;
  readonly settings?: {
    /** 0 to 100. Accounts may have a percentage of their own. Default 0. */
    readonly platformFeePercent?: number;
    /** 0 to 50: what of the fee goes to whoever brought the payer. Default 20. */
    readonly referralSharePercent?: number;
    /** For how many days after it was brought; 0, the default, is for ever. */
    readonly referralWindow_days?: number;
    /** How long the earnings of a machine that nobody owns wait for an owner. Default 30. */
    readonly unclaimed_days?: number;
    /** Whether each settlement is on disk before it is booked. Default: only one that is not booked soon. */
    readonly spillAlways?: boolean;
    /** Default: `all_others` for an embedded database, else `silent_others`. */
    readonly deadInstances?: DeadInstances;
  };
}

/**
 * Opens the books. Call `recover` before serving; it also starts this instance's sign of life.
 *
 * @throws when the database does not answer
 */
export async function createLedger(options: LedgerOptions): Promise<Ledger> {
  const { store, clock, instanceId, onEvent = () => undefined, random = Math.random, settings = {} } = options;
  const { client, db } = store;
  const retry = { clock, random };
  const defaultFeePercent = settings.platformFeePercent ?? 0;
  if (!Number.isInteger(defaultFeePercent) || defaultFeePercent < 0 || defaultFeePercent > 100) {
    throw new RangeError("platformFeePercent must be a whole number from 0 to 100");
  }
  const referralShare_percent = settings.referralSharePercent ?? DEFAULT_REFERRAL_SHARE_PERCENT;
  if (!Number.isInteger(referralShare_percent) || referralShare_percent < 0 || referralShare_percent > REFERRAL_SHARE_PERCENT_MAX) {
    throw new RangeError("referralSharePercent must be a whole number from 0 to 50");
  }
  const daysAgo = (days: number): Date => new Date(Math.max(0, clock.date().getTime() - days * DAY_MS));
  const unclaimed_days = settings.unclaimed_days ?? DEFAULT_UNCLAIMED_DAYS;
  const priceList = await createPriceList(store, clock);
  const deadInstances = settings.deadInstances ?? (store.kind === "embedded" ? "all_others" : "silent_others");
  const instance = createInstance({ store, clock, instanceId, deadInstances, onEvent });
  /** Terms of what this instance holds; they never change, so settling need not read them again. */
  const openTerms = new Map<string, OpenTerms>();
  const lanes = createLanes(ACCOUNT_STATEMENTS_MAX);
  /** What changes the money of a request waits behind what else does of its account. */
  const inLaneOf = <T>(requestId: string, signal: AbortSignal, statement: () => Promise<T>): Promise<T> => {
    const accountId = openTerms.get(requestId)?.accountId;
    return lanes(accountId === undefined ? [] : [accountId], signal, statement);
  };
  const attempts = createAttempts({ client, clock, retry, priceList, inLaneOf, termsOf: (requestId) => openTerms.get(requestId) });
  const background = new Set<Promise<void>>();
  const stop = new AbortController();
  const settlements = createSettlements({
    book,
    putAside: (letter) => ledgerRepository.deadLetter(db, letter),
    spill: typeof options.spill === "string" ? createSpillFile(options.spill) : options.spill,
    spillAlways: settings.spillAlways ?? false,
    clock,
    random,
    onEvent,
  });
  let replayed = false;

  async function book(settlement: Settlement, signal: AbortSignal) {
    const { requestId, attempt, servedBy, reason } = settlement;
    const terms = openTerms.get(requestId) ?? (await ledgerRepository.terms(db, requestId));
    if (!terms) throw new UnknownReservationError(requestId);
    const { usage, clamped, cost_microUsd, fee_microUsd, prices } = bill(settlement, terms);
    const row = {
      requestId,
      attempt,
      prompt_tokens: usage.prompt_tokens,
      completion_tokens: usage.completion_tokens,
      reasoning_tokens: usage.reasoning_tokens,
      cachedPrompt_tokens: usage.cached_prompt_tokens,
      cost_microUsd,
      fee_microUsd,
      inputPrice_microUsd: prices?.input_microUsd,
      outputPrice_microUsd: prices?.output_microUsd,
      sessionId: servedBy.sessionId,
      machineId: servedBy.machineId,
      providerAccountId: servedBy.accountId,
      reason,
      referralShare_percent,
      referralSince: settings.referralWindow_days ? daysAgo(settings.referralWindow_days) : EVER,
      at: clock.date(),
    };
    const payee = cost_microUsd > fee_microUsd ? [servedBy.accountId ?? UNCLAIMED] : [];
    const result = await lanes([terms.accountId, ...payee], signal, () => ledgerRepository.settle(client, row, signal));
    if (result.outcome === "unknown") throw new UnknownReservationError(requestId);
    openTerms.delete(requestId);
    if (result.outcome === "released") return { state: "released", replayed: true } as const;
    if (!result.replayed) {
      const returned_microUsd = terms.hold_microUsd > cost_microUsd ? terms.hold_microUsd - cost_microUsd : 0n;
      onEvent({ type: "booked", cost_microUsd, fee_microUsd, returned_microUsd });
    }
    if (clamped && !result.replayed) onEvent({ type: "usage_clamped", requestId, machineId: servedBy.machineId });
    return { state: "settled", cost_microUsd: result.cost, replayed: result.replayed } as const;
  }

  async function hold(request: HoldRequest): Promise<HoldOutcome> {
    const { requestId, accountId } = request;
    const row = holdRow(request, { defaultFeePercent, instanceId, at: clock.date() });
    const result = await attempt((signal) => lanes([accountId], signal, () => ledgerRepository.hold(client, row, signal)), retry).catch(
      (error: unknown) => {
        if (error instanceof LedgerUnavailableError) inBackground(requestId, () => giveBackLater(requestId));
        throw error;
      },
    );
    const outcome = holdOutcome(result, row.hold_microUsd);
    if (outcome.ok) {
      const { fee_percent, is_service } = result;
      openTerms.set(requestId, {
        ...row,
        accountId,
        build: request.build,
        feePercent: fee_percent ?? defaultFeePercent,
        isService: is_service ?? false,
      });
    }
    return outcome;
  }

  async function releaseOnce(requestId: string, reason: ReleaseReason, signal: AbortSignal): Promise<boolean> {
    const open = await inLaneOf(requestId, signal, () => ledgerRepository.release(client, requestId, reason, clock.date(), signal));
    openTerms.delete(requestId);
    return open;
  }

  async function releaseThroughOutage(requestId: string, reason: ReleaseReason): Promise<void> {
    const onRetry = (tries: number) => onEvent({ type: "retry", operation: "release", requestId, attempt: tries });
    await persist((signal) => releaseOnce(requestId, reason, signal), { ...retry, signal: stop.signal, onRetry });
  }

  async function giveBackLater(requestId: string): Promise<void> {
    await wait(clock, ABANDON_AFTER_MS, stop.signal);
    await releaseThroughOutage(requestId, "internal_error");
  }

  /** Work that nobody waits for. What closing cuts short, the next start's recovery finishes. */
  function inBackground(requestId: string, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (!stop.signal.aborted) onEvent({ type: "release_failed", requestId, error: asError(error) });
      })
      .finally(() => background.delete(running));
    background.add(running);
  }

  async function releaseOrphans(): Promise<number> {
    let released = 0;
    for (let found = ORPHANS_PER_QUERY; found === ORPHANS_PER_QUERY; ) {
      const orphans = await attempt(() => instance.orphans(), retry);
      for (const requestId of orphans) {
        if (await attempt((signal) => releaseOnce(requestId, "coordinator_crash", signal), retry)) released += 1;
      }
      found = orphans.length;
    }
    if (released > 0) onEvent({ type: "orphans_released", count: released });
    return released;
  }

  return {
    hold,
    ...attempts,
    park: (requestId) => attempt((signal) => ledgerRepository.park(client, requestId, clock.date(), signal), retry),
    settle: (settlement) => settlements.settle({ ...settlement, usage: clampUsage(settlement.usage, NO_BOUND).usage }),

    async release(requestId, reason) {
      try {
        return await attempt((signal) => releaseOnce(requestId, reason, signal), retry);
      } catch (error) {
        if (error instanceof LedgerUnavailableError) inBackground(requestId, () => releaseThroughOutage(requestId, reason));
        throw error;
      }
    },

    async useFreely({ requestId, accountId, keyId, build, publicModel, usage: reported, servedBy, admittedAt }) {
      const { usage } = clampUsage(reported, NO_BOUND);
      const row = {
        ...{ requestId, accountId, keyId: keyId ?? null, machineId: servedBy.machineId, model: build, publicModel },
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        reasoning_tokens: usage.reasoning_tokens,
        cachedPrompt_tokens: usage.cached_prompt_tokens,
        admittedAt,
        createdAt: clock.date(),
      };
      await attempt(() => ledgerRepository.useFreely(db, row), retry);
    },

    claim: (machineId, accountId) =>
      attempt(() => ledgerRepository.claim(client, machineId, accountId, daysAgo(unclaimed_days), clock.date()), retry),

    async lapse() {
      let lapsed = 0n;
      for (let more = -1n; more !== 0n; lapsed += more) {
        more = await attempt(() => ledgerRepository.lapse(client, daysAgo(unclaimed_days), LAPSE_ROWS_MAX, clock.date()), retry);
      }
      return lapsed;
    },

    async gatherFees() {
      let gathered = 0n;
      for (let more = -1n; more !== 0n; ) {
        more = await attempt(() => ledgerRepository.gatherFees(client, clock.date()), retry);
        gathered += more;
      }
      return gathered;
    },

    async credit(credit: Credit) {
      const { accountId, amount_microUsd, kind, idempotencyKey, reference } = credit;
      if (amount_microUsd <= 0n || amount_microUsd > AMOUNT_MICRO_USD_MAX)
        throw new RangeError("a credit must be positive and at most 10^15 µUSD");
      if (SYSTEM_ACCOUNT.test(accountId)) throw new RangeError("system accounts are not credited");
      const entries: readonly Entry[] = [
        { accountId, type: kind, amount_microUsd },
        { accountId: FUNDED_BY[kind], type: kind, amount_microUsd: -amount_microUsd },
      ];
      const posting = { kind, idempotencyKey, reference, entries };
      await attempt(() => store.transaction((tx) => post(tx, posting, clock.date())), retry);
    },

    async balance(accountId) {
      const row = await attempt(() => ledgerRepository.balance(db, accountId), retry);
      if (!row) return { spendable_microUsd: 0n, held_microUsd: 0n, withdrawable_microUsd: 0n };
      const spendable_microUsd = row.balance_microUsd - row.held_microUsd;
      const withdrawable_microUsd = row.withdrawable_microUsd < spendable_microUsd ? row.withdrawable_microUsd : spendable_microUsd;
      return { spendable_microUsd, held_microUsd: row.held_microUsd, withdrawable_microUsd };
    },

    async keySpend(keyId) {
      const row = await attempt(() => ledgerRepository.keySpend(client, keyId, clock.date()), retry);
      return { spent_microUsd: row?.spent ?? 0n, held_microUsd: row?.held ?? 0n };
    },

    prices: (build) => attempt(() => priceList.prices(build), retry),
    listPrices: () => attempt(() => priceList.listPrices(), retry),

    async recover() {
      await attempt(() => instance.beat(), retry);
      // Before the holds of dead coordinators are given back: what they had finished is still to be paid.
      const booked = replayed ? 0 : await settlements.replay();
      replayed = true;
      return { replayed: booked, released: await releaseOrphans() };
    },

    spilled: settlements.spilled,

    async close(timeout_ms) {
      instance.close();
      await settlements.close(timeout_ms);
      stop.abort(new LedgerUnavailableError("the ledger is closed"));
      await Promise.all(background);
      await priceList.close();
    },
  };
}
