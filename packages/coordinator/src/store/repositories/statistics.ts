import { and, count, desc, eq, gte, inArray, lt, type SQL, sql, sum } from "drizzle-orm";
import { run } from "../run-query.js";
import { ledgerEntries, providerEarnings, usage, usageMinutes, usageTotals, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

export interface UsageTotals {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

export interface UsageMinute extends UsageTotals {
  readonly minute: Date;
}

export interface EarningTotals {
  /** For requests that were served. */
  readonly work_microUsd: bigint;
  /** For being there, for bringing others, and from the operator. */
  readonly reward_microUsd: bigint;
  readonly tokens: number;
  readonly jobs: number;
}

export interface Leader extends EarningTotals {
  readonly accountId: string;
}

export type LeaderMetric = "earnings" | "tokens" | "jobs";

const promptTokens = sum(usage.prompt_tokens).mapWith(Number);
const completionTokens = sum(usage.completion_tokens).mapWith(Number);
const isWork = sql`${providerEarnings.model} <> 'base_reward'`;
const worked = sql<bigint>`coalesce(sum(${providerEarnings.amount_microUsd}) filter (where ${isWork}), 0)::bigint`.mapWith(BigInt);
const stood = sql`coalesce(sum(${providerEarnings.amount_microUsd}) filter (where not ${isWork}), 0)::bigint`;
const served = sql<number>`coalesce(sum(${providerEarnings.prompt_tokens} + ${providerEarnings.completion_tokens}), 0)`.mapWith(Number);
const jobs = sql<number>`count(*) filter (where ${isWork})`.mapWith(Number);

/** Sums over what was settled for the public; a machine that serves its own owner is nobody else's business. */
export const statisticsRepository = {
  /** Of the days that are added up, of the minutes behind them, and what came since. */
  async usageTotals(tx: Tx): Promise<UsageTotals> {
    const [row] = await run(
      tx.execute<{ requests: string; prompt_tokens: string; completion_tokens: string }>(sql`
        with place as (select coalesce(max(until)::timestamp at time zone 'UTC', '-infinity') as days, max(minutes_until) as minutes from usage_totals),
          parts as (
            select requests, prompt_tokens, completion_tokens from usage_totals
            union all select requests, prompt_tokens, completion_tokens from usage_minutes, place where minute >= days and minute < minutes
            union all select count(*), sum(prompt_tokens), sum(completion_tokens) from usage
              where is_public and created_at >= (select greatest(days, minutes) from place))
        select coalesce(sum(requests), 0)::text as requests, coalesce(sum(prompt_tokens), 0)::text as prompt_tokens,
          coalesce(sum(completion_tokens), 0)::text as completion_tokens from parts`),
    );
    return {
      requests: Number(row?.requests ?? 0),
      prompt_tokens: Number(row?.prompt_tokens ?? 0),
      completion_tokens: Number(row?.completion_tokens ?? 0),
    };
  },

  /** Minutes in which something was settled, oldest first: those that are added up, and what came since. */
  async usageMinutes(tx: Tx, since: Date): Promise<UsageMinute[]> {
    const [place] = await run(tx.select({ until: usageTotals.minutesUntil }).from(usageTotals));
    const until = place?.until ?? since;
    const { minute, requests, prompt_tokens, completion_tokens } = usageMinutes;
    const addedUp = await run(
      tx
        .select({ minute, requests, prompt_tokens, completion_tokens })
        .from(usageMinutes)
        .where(and(gte(minute, since), lt(minute, until)))
        .orderBy(minute),
    );
    const lateMinute = sql<Date>`date_trunc('minute', ${usage.createdAt})`.mapWith(usage.createdAt);
    const late = await run(
      tx
        .select({ minute: lateMinute, requests: count(), prompt_tokens: promptTokens, completion_tokens: completionTokens })
        .from(usage)
        .where(and(eq(usage.isPublic, true), gte(usage.createdAt, until > since ? until : since)))
        .groupBy(sql`1`)
        .orderBy(sql`1`),
    );
    return [...addedUp, ...late];
  },

  /** Accounts that earned most, of those that let themselves be listed. @param since undefined is since ever */
  async leaders(tx: Tx, metric: LeaderMetric, since: Date | undefined, limit: number): Promise<Leader[]> {
    const gifts = giftsSince(tx, since);
    const rewarded = sql<bigint>`(${stood} + coalesce(max(${gifts.amount}), 0))::bigint`.mapWith(BigInt);
    const order: Readonly<Record<LeaderMetric, SQL>> = {
      earnings: sql`${worked} + ${rewarded}`,
      tokens: sql`${served}`,
      jobs: sql`${jobs}`,
    };
    return run(
      tx
        .select({ accountId: providerEarnings.accountId, work_microUsd: worked, reward_microUsd: rewarded, tokens: served, jobs })
        .from(providerEarnings)
        .innerJoin(users, and(eq(users.accountId, providerEarnings.accountId), eq(users.listed, true)))
        .leftJoin(gifts, eq(gifts.accountId, providerEarnings.accountId))
        .where(lately(since))
        .groupBy(providerEarnings.accountId)
        .orderBy(desc(order[metric]), providerEarnings.accountId)
        .limit(limit),
    );
  },

  async earningTotals(tx: Tx, since: Date | undefined): Promise<EarningTotals & { readonly accounts: number }> {
    const gifts = giftsSince(tx, since);
    const earners = tx.select({ id: providerEarnings.accountId }).from(providerEarnings).where(lately(since));
    const given = sql`(select coalesce(sum(g.gift_amount), 0) from (${tx.select().from(gifts).where(inArray(gifts.accountId, earners))}) g)`;
    const accounts = sql<number>`count(distinct ${providerEarnings.accountId})`.mapWith(Number);
    const rewarded = sql<bigint>`(${stood} + ${given})::bigint`.mapWith(BigInt);
    const [row] = await run(
      tx
        .select({ work_microUsd: worked, reward_microUsd: rewarded, tokens: served, jobs, accounts })
        .from(providerEarnings)
        .where(lately(since)),
    );
    return row ?? { work_microUsd: 0n, reward_microUsd: 0n, tokens: 0, jobs: 0, accounts: 0 };
  },

  async unlisted(tx: Tx): Promise<ReadonlySet<string>> {
    const rows = await run(tx.select({ accountId: users.accountId }).from(users).where(eq(users.listed, false)));
    return new Set(rows.map(({ accountId }) => accountId));
  },

  async isListed(tx: Tx, accountId: string): Promise<boolean> {
    const [row] = await run(tx.select({ listed: users.listed }).from(users).where(eq(users.accountId, accountId)));
    return row?.listed ?? true;
  },

  async setListed(tx: Tx, accountId: string, listed: boolean): Promise<void> {
    await run(tx.update(users).set({ listed }).where(eq(users.accountId, accountId)));
  },
};

function lately(since: Date | undefined): SQL | undefined {
  return since === undefined ? undefined : gte(providerEarnings.createdAt, since);
}

/** What accounts got beside their machines' work and presence. */
function giftsSince(tx: Tx, since: Date | undefined) {
  const { accountId, amount_microUsd, entryType, createdAt } = ledgerEntries;
  const isGift = sql`${entryType} in ('referral_reward', 'admin_reward')`;
  return tx
    .select({ accountId, amount: sql<string>`sum(${amount_microUsd})`.as("gift_amount") })
    .from(ledgerEntries)
    .where(and(isGift, since === undefined ? undefined : gte(createdAt, since)))
    .groupBy(accountId)
    .as("gifts");
}
