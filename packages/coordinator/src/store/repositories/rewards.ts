import { and, asc, desc, eq, gte, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { hardwareCaps, machineMinutes, providerEarnings, providerFloorDraws, rewardEpochs } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type MinuteRow = typeof machineMinutes.$inferSelect;
export type FloorDrawRow = typeof providerFloorDraws.$inferSelect;
export type RewardEpochRow = typeof rewardEpochs.$inferSelect;

/** What a machine was in a span of time. */
export interface PresenceRow {
  readonly machineId: string;
  /** Of its latest minute. */
  readonly accountId: string | null;
  readonly computeClass: string;
  readonly memory_gb: number;
  readonly eligibleMinutes: number;
}

const ROWS_PER_INSERT = 1_000;

export const rewardRepository = {
  /** A minute counts once one look at it found the machine well. */
  async saveMinutes(tx: Tx, rows: readonly MinuteRow[]): Promise<void> {
    for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
      await run(
        tx
          .insert(machineMinutes)
          .values(rows.slice(from, from + ROWS_PER_INSERT).map((row) => ({ ...row, reasons: [...row.reasons] })))
          .onConflictDoUpdate({
            target: [machineMinutes.minute, machineMinutes.machineId],
            set: { eligible: sql`excluded.eligible`, reasons: sql`excluded.reasons`, accountId: sql`excluded.account_id` },
            setWhere: eq(machineMinutes.eligible, false),
          }),
      );
    }
  },

  async forgetMinutes(tx: Tx, before: Date): Promise<void> {
    await run(tx.delete(machineMinutes).where(lt(machineMinutes.minute, before)));
  },

  async firstMinute(tx: Tx, since: Date): Promise<Date | undefined> {
    const later = gte(machineMinutes.minute, since);
    const [row] = await run(
      tx.select({ minute: machineMinutes.minute }).from(machineMinutes).where(later).orderBy(asc(machineMinutes.minute)).limit(1),
    );
    return row?.minute;
  },

  async presence(tx: Tx, from: Date, to: Date): Promise<readonly PresenceRow[]> {
    const rows = await run(
      tx.execute<{ machine_id: string; account_id: string | null; compute_class: string; memory_gb: number; minutes: string }>(sql`
        select machine_id, (array_agg(account_id order by minute desc))[1] as account_id, (array_agg(compute_class order by minute desc))[1] as compute_class,
          min(memory_gb) as memory_gb, (count(*) filter (where eligible))::text as minutes
        from machine_minutes where minute >= ${from.toISOString()}::timestamptz and minute < ${to.toISOString()}::timestamptz group by machine_id`),
    );
    return rows.map((row) => ({
      machineId: row.machine_id,
      accountId: row.account_id,
      computeClass: row.compute_class,
      memory_gb: row.memory_gb,
      eligibleMinutes: Number(row.minutes),
    }));
  },

  /** What machines earned by work for others, by machine. */
  async earned(tx: Tx, from: Date, to: Date): Promise<ReadonlyMap<string, bigint>> {
    const rows = await run(
      tx.execute<{ machine_id: string; amount: string }>(sql`
        select p.machine_id, sum(p.amount)::text as amount from provider_earnings p left join usage u on u.request_id = p.job_id
        where p.created_at >= ${from.toISOString()}::timestamptz and p.created_at < ${to.toISOString()}::timestamptz
          and p.model <> 'base_reward' and u.account_id is distinct from p.account_id group by p.machine_id`),
    );
    return new Map(rows.map(({ machine_id, amount }) => [machine_id, BigInt(amount)]));
  },

  /** Whoever settles an epoch does so alone, until its transaction ends. */
  async lockEpoch(tx: Tx, epochId: string): Promise<void> {
    await run(tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`base_rewards_epoch:${epochId}`}, 0))`));
  },

  /** All that a transaction is going to move money on, in the one order in which balances are locked. */
  async lockBalances(tx: Tx, accountIds: readonly string[]): Promise<void> {
    const list = JSON.stringify([...new Set(accountIds)]);
    await run(tx.execute(sql`select ledger_lock_balances(array(select jsonb_array_elements_text(${list}::text::jsonb)))`));
  },

  async epoch(tx: Tx, epochId: string): Promise<RewardEpochRow | undefined> {
    const [row] = await run(tx.select().from(rewardEpochs).where(eq(rewardEpochs.epochId, epochId)));
    return row;
  },

  async settledSince(tx: Tx, epochId: string): Promise<ReadonlySet<string>> {
    const rows = await run(tx.select({ id: rewardEpochs.epochId }).from(rewardEpochs).where(gte(rewardEpochs.epochId, epochId)));
    return new Set(rows.map(({ id }) => id));
  },

  async latestEpoch(tx: Tx): Promise<RewardEpochRow | undefined> {
    const [row] = await run(tx.select().from(rewardEpochs).orderBy(desc(rewardEpochs.epochId)).limit(1));
    return row;
  },

  async insertEpoch(tx: Tx, row: RewardEpochRow): Promise<void> {
    await run(tx.insert(rewardEpochs).values(row));
  },

  /** With its earning, where there is one. */
  async insertDraw(tx: Tx, row: FloorDrawRow): Promise<void> {
    await run(tx.insert(providerFloorDraws).values(row));
    if (row.amount_microUsd === 0n) return;
    await run(
      tx.insert(providerEarnings).values({
        jobId: `floor:${row.epochId}:${row.machineId}`,
        accountId: row.accountId,
        machineId: row.machineId,
        model: "base_reward",
        amount_microUsd: row.amount_microUsd,
        prompt_tokens: 0,
        completion_tokens: 0,
        createdAt: row.createdAt,
      }),
    );
  },

  async drawsOf(tx: Tx, epochId: string, limit: number): Promise<readonly FloorDrawRow[]> {
    return run(
      tx
        .select()
        .from(providerFloorDraws)
        .where(eq(providerFloorDraws.epochId, epochId))
        .orderBy(asc(providerFloorDraws.machineId))
        .limit(limit),
    );
  },

  /** Of an account since an epoch, by machine, with the latest of each. */
  async latestDraws(tx: Tx, accountId: string, sinceEpochId: string) {
    const own = and(eq(providerFloorDraws.accountId, accountId), gte(providerFloorDraws.epochId, sinceEpochId));
    const rows = await run(
      tx
        .selectDistinctOn([providerFloorDraws.machineId])
        .from(providerFloorDraws)
        .where(own)
        .orderBy(asc(providerFloorDraws.machineId), desc(providerFloorDraws.epochId)),
    );
    const sums = await run(
      tx
        .select({
          machineId: providerFloorDraws.machineId,
          amount: sql<bigint>`sum(${providerFloorDraws.amount_microUsd})::bigint`.mapWith(BigInt),
        })
        .from(providerFloorDraws)
        .where(own)
        .groupBy(providerFloorDraws.machineId),
    );
    return rows.map((row) => ({ ...row, sum_microUsd: sums.find(({ machineId }) => machineId === row.machineId)?.amount ?? 0n }));
  },

  async latestMinutes(tx: Tx, accountId: string, since: Date): Promise<readonly MinuteRow[]> {
    return run(
      tx
        .selectDistinctOn([machineMinutes.machineId])
        .from(machineMinutes)
        .where(and(gte(machineMinutes.minute, since), eq(machineMinutes.accountId, accountId)))
        .orderBy(asc(machineMinutes.machineId), desc(machineMinutes.minute)),
    );
  },

  async drawnInAll(tx: Tx): Promise<bigint> {
    const [row] = await run(
      tx.select({ sum: sql<bigint>`coalesce(sum(${rewardEpochs.drawn_microUsd}), 0)::bigint`.mapWith(BigInt) }).from(rewardEpochs),
    );
    return row?.sum ?? 0n;
  },

  async caps(tx: Tx): Promise<ReadonlyMap<string, number>> {
    const rows = await run(tx.select().from(hardwareCaps));
    return new Map(rows.map(({ computeClass, memory_gb_max }) => [computeClass, memory_gb_max]));
  },

  /** @param memory_gb_max undefined takes the cap away */
  async setCap(tx: Tx, computeClass: string, memory_gb_max: number | undefined): Promise<void> {
    if (memory_gb_max === undefined) return void (await run(tx.delete(hardwareCaps).where(eq(hardwareCaps.computeClass, computeClass))));
    const row = { computeClass, memory_gb_max };
    await run(tx.insert(hardwareCaps).values(row).onConflictDoUpdate({ target: hardwareCaps.computeClass, set: { memory_gb_max } }));
  },
};
