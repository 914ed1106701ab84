import { and, asc, eq, gte, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { ledgerEntries, ledgerTransactions, providerEarnings, usage, usageDays } from "../schema/index.js";
import type { Tx } from "../tx.js";
import { annotated } from "./journal.js";

/** A month's place in an account's journal. */
export interface PeriodRow {
  readonly start: Date;
  /** Number of the first entry at or after its start. */
  readonly firstSeq: number;
  /** What was on the account before that entry. */
  readonly opening_microUsd: bigint;
}

/** Entries of one type, and of one model where there is one. */
export interface StatementSum {
  readonly type: string;
  readonly model: string | null;
  readonly entries: number;
  readonly amount_microUsd: bigint;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

/** One entry of the ledger, with what it was for. */
export interface StatementLine {
  readonly seq: number;
  readonly at: Date;
  readonly type: string;
  readonly reference: string;
  readonly model: string | null;
  readonly keyId: string | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly amount_microUsd: bigint;
  readonly balanceAfter_microUsd: bigint;
}

interface Place {
  readonly accountId: string;
  readonly firstSeq: number;
  /** One behind the last entry. */
  readonly endSeq: number;
}

/** Days, UTC. */
interface Days {
  readonly from: Date;
  readonly to: Date;
}

const used = and(eq(ledgerEntries.entryType, "charge"), eq(usage.requestId, ledgerTransactions.reference));
/** Before it, only days count, also while their requests are being removed. */
const keptFrom = sql`usage_kept_from()::timestamp at time zone 'UTC'`;
const earned = and(eq(ledgerEntries.entryType, "payout"), eq(providerEarnings.jobId, ledgerTransactions.reference));
const model = sql<string | null>`coalesce(${usage.publicModel}, ${providerEarnings.model})`;
const promptTokens = sql`coalesce(${usage.prompt_tokens}, ${providerEarnings.prompt_tokens})`;
const completionTokens = sql`coalesce(${usage.completion_tokens}, ${providerEarnings.completion_tokens})`;

function within({ accountId, firstSeq, endSeq }: Place) {
  return and(eq(ledgerEntries.accountId, accountId), gte(ledgerEntries.seq, firstSeq), lt(ledgerEntries.seq, endSeq));
}

/** Parts of an account's journal, with what its entries were for. */
export const statementRepository = {
  /** When the account's first entry was made. */
  async begin(tx: Tx, accountId: string): Promise<Date | undefined> {
    const first = and(eq(ledgerEntries.accountId, accountId), eq(ledgerEntries.seq, 1));
    const [row] = await run(tx.select({ at: ledgerEntries.createdAt }).from(ledgerEntries).where(first));
    return row?.at;
  },

  /** Where months begin, in their order. */
  async periods(tx: Tx, accountId: string, starts: readonly Date[]): Promise<readonly PeriodRow[]> {
    const list = JSON.stringify(starts.map((start) => start.toISOString()));
    const rows = await run(
      tx.execute<{ start: string; first: string; opening: string }>(sql`
        select m.start, m.first, coalesce(e.balance_after, 0)::text as opening
        from (select p.start::timestamptz as start, ledger_first_seq(${accountId}, p.start::timestamptz)::text as first
            from jsonb_array_elements_text(${list}::text::jsonb) p (start)) m
          left join ledger_entries e on e.account_id = ${accountId} and e.seq = m.first::bigint - 1
        order by m.start`),
    );
    return rows.map(({ start, first, opening }) => ({
      start: new Date(start),
      firstSeq: Number(first),
      opening_microUsd: BigInt(opening),
    }));
  },

  /** Every entry counts in one sum. A charge whose request is removed has no model; see `chargesOfDays`. */
  async sums(tx: Tx, place: Place): Promise<readonly StatementSum[]> {
    return run(
      tx
        .select({
          type: ledgerEntries.entryType,
          model,
          entries: sql<number>`count(*)`.mapWith(Number),
          amount_microUsd: sql<bigint>`sum(${ledgerEntries.amount_microUsd})::bigint`.mapWith(BigInt),
          prompt_tokens: sql<number>`coalesce(sum(${promptTokens}), 0)`.mapWith(Number),
          completion_tokens: sql<number>`coalesce(sum(${completionTokens}), 0)`.mapWith(Number),
        })
        .from(ledgerEntries)
        .innerJoin(ledgerTransactions, eq(ledgerTransactions.id, ledgerEntries.transactionId))
        .leftJoin(usage, and(used, gte(usage.createdAt, keptFrom)))
        .leftJoin(providerEarnings, earned)
        .where(within(place))
        .groupBy(sql`1, 2`)
        .orderBy(sql`1, 2 nulls first`),
    );
  },

  /** In their order, so many at most. */
  async lines(tx: Tx, place: Place, limit: number): Promise<readonly StatementLine[]> {
    return run(
      tx
        .select({
          seq: ledgerEntries.seq,
          at: ledgerEntries.createdAt,
          type: ledgerEntries.entryType,
          reference: annotated,
          model,
          keyId: usage.keyId,
          prompt_tokens: sql<number | null>`${promptTokens}`.mapWith((value) => (value === null ? null : Number(value))),
          completion_tokens: sql<number | null>`${completionTokens}`.mapWith((value) => (value === null ? null : Number(value))),
          amount_microUsd: ledgerEntries.amount_microUsd,
          balanceAfter_microUsd: ledgerEntries.balanceAfter_microUsd,
        })
        .from(ledgerEntries)
        .innerJoin(ledgerTransactions, eq(ledgerTransactions.id, ledgerEntries.transactionId))
        .leftJoin(usage, used)
        .leftJoin(providerEarnings, earned)
        .where(within(place))
        .orderBy(asc(ledgerEntries.seq))
        .limit(limit),
    );
  },

  /** What was charged in those of the days whose single requests are removed. */
  async chargesOfDays(tx: Tx, accountId: string, { from, to }: Days): Promise<readonly StatementSum[]> {
    return run(
      tx
        .select({
          type: sql<string>`'charge'`,
          model: sql<string | null>`${usageDays.publicModel}`,
          entries: sql<number>`sum(${usageDays.paidRequests})`.mapWith(Number),
          amount_microUsd: sql<bigint>`(-sum(${usageDays.cost_microUsd}))::bigint`.mapWith(BigInt),
          prompt_tokens: sql<number>`coalesce(sum(${usageDays.prompt_tokens}) filter (where ${usageDays.isPublic}), 0)`.mapWith(Number),
          completion_tokens: sql<number>`coalesce(sum(${usageDays.completion_tokens}) filter (where ${usageDays.isPublic}), 0)`.mapWith(
            Number,
          ),
        })
        .from(usageDays)
        .where(removed(accountId, from, to))
        .groupBy(usageDays.publicModel)
        .having(sql`sum(${usageDays.paidRequests}) > 0`)
        .orderBy(usageDays.publicModel),
    );
  },

  /** Requests of the account that cost nothing, which no entry is about. */
  async freeRequests(tx: Tx, accountId: string, { from, to }: Days): Promise<number> {
    const { createdAt, cost_microUsd } = usage;
    const free = and(
      eq(usage.accountId, accountId),
      eq(cost_microUsd, 0n),
      gte(createdAt, from),
      gte(createdAt, keptFrom),
      lt(createdAt, to),
    );
    const ofDays = tx
      .select({ requests: sql`coalesce(sum(${usageDays.requests} - ${usageDays.paidRequests}), 0)` })
      .from(usageDays)
      .where(removed(accountId, from, to));
    const [row] = await run(
      tx
        .select({ requests: sql<number>`count(*) + (${ofDays})`.mapWith(Number) })
        .from(usage)
        .where(free),
    );
    return row?.requests ?? 0;
  },
};

/** Rows of those days whose single requests are removed. */
function removed(accountId: string, from: Date, to: Date) {
  const day = (at: Date) => sql`(${at.toISOString()}::timestamptz at time zone 'UTC')::date`;
  const { day: at } = usageDays;
  return and(eq(usageDays.accountId, accountId), sql`${at} >= ${day(from)} and ${at} < ${day(to)} and ${at} < usage_kept_from()`);
}
