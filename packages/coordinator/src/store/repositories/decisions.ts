import { and, desc, eq, gte, inArray, lt, or, type SQL, sql } from "drizzle-orm";
import type { Client } from "../client.js";
import { run } from "../run-query.js";
import { decisions } from "../schema/index.js";
import type { Tx } from "../tx.js";

type DecisionRow = typeof decisions.$inferInsert;
export type StoredDecisionRow = typeof decisions.$inferSelect;

/** What comes of an attempt; what is absent stays as it is, flags stay set. */
type DecisionEnd = Partial<DecisionRow> & Pick<DecisionRow, "requestId" | "attempt" | "day">;

/** Place in the order in which rows are browsed: latest first. */
type DecisionPlace = Pick<StoredDecisionRow, "at" | "requestId" | "attempt">;

interface DecisionFilter {
  /** Build, or name that the consumer used. */
  readonly model?: string;
  readonly provider?: string;
  readonly outcome?: string;
  readonly finalStatus?: string;
  readonly errorClass?: string;
  readonly accountDigest?: string;
  readonly since?: Date;
  readonly until?: Date;
  /** Only rows behind it. */
  readonly after?: DecisionPlace;
  readonly limit: number;
}

const PARTITION_PREFIX = "decisions_";

export const decisionRepository = {
  /** Makes room for a day's rows, `2026-11-29`; several processes may ask at once. */
  async ensureDay(client: Client, day: string): Promise<void> {
    await client.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtext('umbel decisions'))`;
      const next = new Date(Date.parse(day) + 24 * 3_600_000).toISOString().slice(0, 10);
      await tx.unsafe(
        `create table if not exists ${partitionOf(day)} partition of decisions for values from ('${dateOnly(day)}') to ('${next}')`,
      );
    });
  },

  /** A row of the same attempt gives way: whoever waited in line is selected for once more. */
  async insert(tx: Tx, rows: readonly DecisionRow[]): Promise<void> {
    const replaced = {
      at: sql`excluded.at`,
      outcome: sql`excluded.outcome`,
      waited: sql`decisions.waited or excluded.waited`,
      provider: sql`excluded.provider`,
      decision: sql`excluded.decision`,
      snapshot: sql`excluded.snapshot`,
      runnersUp: sql`excluded.runners_up`,
      refused: sql`excluded.refused`,
      audit: sql`excluded.audit`,
    };
    const { requestId, attempt, day } = decisions;
    await run(
      tx
        .insert(decisions)
        .values([...rows])
        .onConflictDoUpdate({ target: [requestId, attempt, day], set: replaced }),
    );
  },

  async end(tx: Tx, { requestId, attempt, day, ...end }: DecisionEnd): Promise<void> {
    const ofAttempt = and(eq(decisions.requestId, requestId), eq(decisions.attempt, attempt), eq(decisions.day, day));
    await run(tx.update(decisions).set(end).where(ofAttempt));
  },

  /** Every attempt of a request, by our id of it or the one that its consumer was answered under; oldest first. */
  async ofRequest(tx: Tx, id: string, accountDigest: string | undefined, limit: number): Promise<StoredDecisionRow[]> {
    const named = or(eq(decisions.requestId, id), eq(decisions.clientRequestId, id));
    const own = accountDigest === undefined ? undefined : eq(decisions.accountDigest, accountDigest);
    // The latest, where a consumer gave many requests one id.
    const found = await run(
      tx.select().from(decisions).where(and(named, own)).orderBy(desc(decisions.at), desc(decisions.attempt)).limit(limit),
    );
    return found.reverse();
  },

  async browse(tx: Tx, filter: DecisionFilter): Promise<StoredDecisionRow[]> {
    return run(
      tx
        .select()
        .from(decisions)
        .where(and(...conditions(filter)))
        .orderBy(desc(decisions.at), desc(decisions.requestId), desc(decisions.attempt))
        .limit(filter.limit),
    );
  },

  /** What went to a machine since a time, and how often its builds were asked for. */
  async workOf(
    tx: Tx,
    { provider, builds, since }: { readonly provider: string; readonly builds: readonly string[]; readonly since: Date },
  ): Promise<{ readonly chosen: number; readonly failed: number; readonly last_at: Date | null; readonly asked: number }> {
    const lately = and(gte(decisions.at, since), gte(decisions.day, dayOf(since)));
    const mine = eq(decisions.provider, provider);
    const failed = and(mine, inArray(decisions.finalStatus, ["error", "timeout"]));
    const asked = builds.length === 0 ? sql`false` : and(inArray(decisions.build, [...builds]), eq(decisions.attempt, 0));
    const [row] = await run(
      tx
        .select({
          chosen: sql<number>`count(*) filter (where ${mine})`.mapWith(Number),
          failed: sql<number>`count(*) filter (where ${failed})`.mapWith(Number),
          last_at: sql<Date | null>`max(${decisions.at}) filter (where ${mine})`.mapWith(decisions.at),
          asked: sql<number>`count(*) filter (where ${asked})`.mapWith(Number),
        })
        .from(decisions)
        .where(lately),
    );
    return row ?? { chosen: 0, failed: 0, last_at: null, asked: 0 };
  },

  /** Drops the rows of the days before `day`. @returns how many days went */
  async removeDaysBefore(client: Client, day: string): Promise<number> {
    const partitions = await client<{ name: string }[]>`
      select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'decisions'::regclass`;
    const old = partitions.map(({ name }) => name).filter((name) => name.startsWith(PARTITION_PREFIX) && name < partitionOf(day));
    for (const name of old) await client`drop table if exists ${client(name)}`;
    return old.length;
  },
};

function conditions({ model, provider, outcome, finalStatus, errorClass, accountDigest, since, until, after }: DecisionFilter): SQL[] {
  const wanted: (SQL | undefined)[] = [
    model === undefined ? undefined : or(eq(decisions.build, model), eq(decisions.publicModel, model)),
    provider === undefined ? undefined : eq(decisions.provider, provider),
    outcome === undefined ? undefined : eq(decisions.outcome, outcome),
    finalStatus === undefined ? undefined : sql`${decisions.finalStatus} = ${finalStatus}`,
    errorClass === undefined ? undefined : eq(decisions.errorClass, errorClass),
    accountDigest === undefined ? undefined : eq(decisions.accountDigest, accountDigest),
    // The day as well, so that only the partitions in question are read.
    since === undefined ? undefined : and(gte(decisions.at, since), gte(decisions.day, dayOf(since))),
    until === undefined ? undefined : lt(decisions.at, until),
    after === undefined
      ? undefined
      : sql`(${decisions.at}, ${decisions.requestId}, ${decisions.attempt}) < (${after.at.toISOString()}::timestamptz, ${after.requestId}, ${after.attempt})`,
  ];
  return wanted.filter((condition) => condition !== undefined);
}

/** UTC day of an instant, as the table has it. */
function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function partitionOf(day: string): string {
  return `${PARTITION_PREFIX}${dateOnly(day).replaceAll("-", "")}`;
}

/** It becomes part of a statement. */
function dateOnly(day: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new Error("a day is written 2026-11-29");
  return day;
}
