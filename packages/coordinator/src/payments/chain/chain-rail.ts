import type { Clock } from "@umbel/protocol";
import { chainRepository, type WithdrawalRow, withdrawalRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import type { OnPaymentEvent } from "../events.js";
import { DONE, type JobHandler, type Outbox, type Verdict } from "../outbox/outbox.js";
import { PaymentRefusal } from "../payment-refusal.js";
import type { PayoutRail } from "../withdrawals/payout-rail.js";
import { CLEARING, type WithdrawalBook } from "../withdrawals/withdrawal-book.js";
import type { PayoutAddresses } from "./payout-addresses.js";
import type { ChainFees, PayoutChain } from "./payout-chain.js";

export const CHAIN_JOBS = { send: "chain.send", confirm: "chain.confirm" } as const;
export const CHAIN_LIMITS = {
  /** Pause between two looks for a receipt. */
  look_ms: 15_000,
  /** After so long without a block a transaction offers more. */
  bump_ms: 3 * 60_000,
  /** Nodes take a replacement from a tenth more on. */
  bump_percent: 125n,
  /** How long a payout waits for the paying address to be filled. */
  short_ms: 24 * 3_600_000,
  /** How long a nonce that somebody else has used is looked at, before a person has to. */
  foreign_ms: 24 * 3_600_000,
} as const;
/** Of the ledger's amounts. */
const DECIMALS = 6;

export interface ChainRailDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly chain: PayoutChain | undefined;
  readonly addresses: Pick<PayoutAddresses, "of">;
  readonly outbox: Pick<Outbox, "enqueue">;
  readonly book: WithdrawalBook;
  readonly settings: { readonly fee_microUsd: bigint; readonly confirmations: number; readonly decimals: number };
  readonly onEvent: OnPaymentEvent;
}

/**
 * Payouts in a stablecoin. A payout gets one nonce, which is written down before anything is signed and never given to another: of all
 * transactions that are ever signed for it the chain takes one at most, however often they are sent. Money is given back only while there is no
 * nonce, or when the chain has taken the transaction and failed it.
 */
export function createChainRail(dependencies: ChainRailDependencies): PayoutRail {
  const { database, clock, chain, addresses, outbox, book, settings, onEvent } = dependencies;

  function step(
    status: WithdrawalRow["status"],
    work: (row: WithdrawalRow, age_ms: number, chain: PayoutChain) => Promise<Verdict>,
  ): JobHandler {
    return async ({ aggregateId, age_ms }) => {
      const row = await database.read((tx) => withdrawalRepository.byId(tx, aggregateId));
      if (row === undefined) return { end: "dead", error: "there is no such withdrawal" };
      if (row.status !== status) return DONE;
      if (chain === undefined) return { end: "later", error: "the chain is not set up any more" };
      return work(row, age_ms, chain);
    };
  }

  async function giveBack(row: WithdrawalRow, reason: string): Promise<Verdict> {
    await database.transaction((tx) => book.refund(tx, row.id, { from: [row.status], reason, at: clock.date() }));
    return DONE;
  }

  /** Signs with what is offered, and keeps that before anybody else can see it. */
  async function signed(row: WithdrawalRow, fees: ChainFees, on: PayoutChain): Promise<string> {
    const transfer = await database.read((tx) => chainRepository.transfer(tx, row.id));
    if (transfer === undefined) throw new Error("a payout without a nonce cannot be signed");
    const { recipient, units, nonce, gas } = transfer;
    const { hash, raw } = await on.sign({ recipient, units: BigInt(units), nonce, gas: BigInt(gas) }, fees);
    const amounts = { maxFee_wei: String(fees.maxFee_wei), maxPriorityFee_wei: String(fees.maxPriorityFee_wei) };
    await database.transaction((tx) =>
      chainRepository.addTransaction(tx, { hash, withdrawalId: row.id, ...amounts, createdAt: clock.date() }),
    );
    return raw;
  }

  const send = step("pending", async (row, age_ms, on) => {
    if ((await database.read((tx) => chainRepository.transfer(tx, row.id))) === undefined) {
      const units = row.net_microUsd * 10n ** BigInt(settings.decimals - DECIMALS);
      const probe = await on.probe(row.destination, units);
      if (probe.outcome === "refused") return giveBack(row, "token_refused");
      if (probe.outcome === "short") {
        if (age_ms > CHAIN_LIMITS.short_ms) return giveBack(row, "no_funds");
        return { end: "later", error: "the paying address has not enough of the token" };
      }
      const [sender, taken] = [await on.sender(), await on.takenNonces()];
      const fixed = { withdrawalId: row.id, chainId: on.chainId, sender, token: on.token, recipient: row.destination };
      const transfer = { ...fixed, units: String(units), gas: Number(probe.gas), createdAt: clock.date() };
      await database.transaction((tx) => chainRepository.assignNonce(tx, transfer, taken));
    }
    const raw = await signed(row, await on.fees(), on);
    await database.transaction(async (tx) => {
      if ((await book.move(tx, row.id, { from: ["pending"], to: "submitted", at: clock.date() })) === undefined) return;
      const job = { kind: CHAIN_JOBS.confirm, aggregateId: row.id, idempotencyKey: `${CHAIN_JOBS.confirm}:${row.id}` };
      await outbox.enqueue(tx, { ...job, after_ms: CHAIN_LIMITS.look_ms });
    });
    // Whether it was taken the chain tells; what is lost here is sent again.
    await on.broadcast(raw).catch(() => undefined);
    return DONE;
  });

  const confirm = step("submitted", async (row, age_ms, on) => {
    const transactions = await database.read((tx) => chainRepository.transactions(tx, row.id));
    const transfer = await database.read((tx) => chainRepository.transfer(tx, row.id));
    const newest = transactions.at(-1);
    if (newest === undefined || transfer === undefined) return { end: "dead", error: "no transaction was kept" };
    // Asked before the receipts: a nonce that is used now was used by what they tell of.
    const taken = await on.takenNonces();
    for (const { hash } of transactions) {
      const receipt = await on.receipt(hash);
      if (receipt === undefined) continue;
      if (receipt.confirmations < settings.confirmations) return { end: "later", after_ms: CHAIN_LIMITS.look_ms };
      if (!receipt.succeeded) return giveBack(row, "reverted");
      const change = { payoutId: hash };
      await database.transaction((tx) => book.move(tx, row.id, { from: ["submitted"], to: "paid", change, at: clock.date() }));
      return DONE;
    }
    if (taken > transfer.nonce) {
      if (age_ms <= CHAIN_LIMITS.foreign_ms)
        return { end: "later", after_ms: CHAIN_LIMITS.look_ms, error: "its nonce is used, and no receipt says by what" };
      const reason = "its nonce was used by a transaction that is not ours";
      onEvent({ type: "withdrawal_alert", withdrawalId: row.id, reason });
      return { end: "dead", error: reason };
    }
    const offered = { maxFee_wei: BigInt(newest.maxFee_wei), maxPriorityFee_wei: BigInt(newest.maxPriorityFee_wei) };
    const isStuck = clock.date().getTime() - newest.createdAt.getTime() >= CHAIN_LIMITS.bump_ms;
    const fees = isStuck ? raised(offered, await on.fees()) : offered;
    await on.broadcast(await signed(row, fees, on)).catch(() => undefined);
    return { end: "later", after_ms: CHAIN_LIMITS.look_ms };
  });

  return {
    name: "chain",
    ...CLEARING.chain,
    firstJob: CHAIN_JOBS.send,
    handlers: new Map([
      [CHAIN_JOBS.send, send],
      [CHAIN_JOBS.confirm, confirm],
    ]),
    async quote({ accountId }) {
      if (chain === undefined) throw new PaymentRefusal("billing_error", "this network pays out on no chain");
      const known = await addresses.of(accountId);
      if (known === undefined) throw new PaymentRefusal("not_onboarded", "sign for an address first, so that it is known to be yours");
      return { destination: known.address, fee_microUsd: settings.fee_microUsd };
    },
  };
}

/** What replaces an offer: a good deal more than it, and no less than what is asked now. */
function raised(offered: ChainFees, asked: ChainFees): ChainFees {
  const more = (before: bigint, now: bigint): bigint => {
    const least = (before * CHAIN_LIMITS.bump_percent) / 100n + 1n;
    return now > least ? now : least;
  };
  return {
    maxFee_wei: more(offered.maxFee_wei, asked.maxFee_wei),
    maxPriorityFee_wei: more(offered.maxPriorityFee_wei, asked.maxPriorityFee_wei),
  };
}
