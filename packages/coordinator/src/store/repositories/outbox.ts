import { and, asc, eq, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { outbox } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type OutboxRow = typeof outbox.$inferSelect;

export interface NewOutboxRow {
  readonly kind: string;
  readonly aggregateId: string;
  readonly idempotencyKey: string;
  readonly payload: unknown;
  readonly nextAt: Date;
  readonly createdAt: Date;
}

/** What an end or a pause of a job needs: only whoever holds its lease may write it. */
interface Held {
  readonly id: number;
  readonly owner: string;
}

export const outboxRepository = {
  /** False when the same work was enqueued before. */
  async enqueue(tx: Tx, row: NewOutboxRow): Promise<boolean> {
    const rows = await run(tx.insert(outbox).values(row).onConflictDoNothing().returning({ id: outbox.id }));
    return rows.length > 0;
  },

  /** Leases what is due, longest due first, so many at most; what another worker is just taking is left to it. */
  async claim(
    tx: Tx,
    claim: { readonly owner: string; readonly now: Date; readonly leaseUntil: Date; readonly limit: number; readonly aggregateId?: string },
  ): Promise<readonly OutboxRow[]> {
    const now = claim.now.toISOString();
    const isDue = sql`((state = 'queued' and next_at <= ${now}::timestamptz) or (state = 'running' and lease_until <= ${now}::timestamptz))`;
    const isMeant = claim.aggregateId === undefined ? sql`true` : sql`aggregate_id = ${claim.aggregateId}`;
    const due = sql`(select id from outbox where ${isDue} and ${isMeant} order by next_at, id limit ${claim.limit} for update skip locked)`;
    const rows = await run(
      tx
        .update(outbox)
        .set({ state: "running", attempts: sql`${outbox.attempts} + 1`, leaseOwner: claim.owner, leaseUntil: claim.leaseUntil })
        .where(sql`${outbox.id} in ${due}`)
        .returning(),
    );
    return [...rows].sort((a, b) => a.nextAt.getTime() - b.nextAt.getTime() || a.id - b.id);
  },

  /** False when the lease is somebody else's by now. */
  async finish(tx: Tx, held: Held, end: { readonly state: "done" | "dead"; readonly at: Date; readonly error?: string }): Promise<boolean> {
    const values = { state: end.state, finishedAt: end.at, leaseOwner: null, leaseUntil: null, lastError: end.error ?? null };
    return (await run(tx.update(outbox).set(values).where(isHeld(held)).returning({ id: outbox.id }))).length > 0;
  },

  /** False when the lease is somebody else's by now. */
  async postpone(tx: Tx, held: Held, pause: { readonly nextAt: Date; readonly error?: string }): Promise<boolean> {
    const values = {
      state: "queued" as const,
      nextAt: pause.nextAt,
      leaseOwner: null,
      leaseUntil: null,
      lastError: pause.error ?? null,
    };
    return (await run(tx.update(outbox).set(values).where(isHeld(held)).returning({ id: outbox.id }))).length > 0;
  },

  async ofAggregate(tx: Tx, aggregateId: string): Promise<readonly OutboxRow[]> {
    return run(tx.select().from(outbox).where(eq(outbox.aggregateId, aggregateId)).orderBy(asc(outbox.id)));
  },

  /** What waits or is under way, what of it is under way, what has failed at its last attempt and what is dead, by kind, with the due time of what has waited longest. */
  async depth(tx: Tx) {
    return run(
      tx
        .select({
          kind: outbox.kind,
          waiting: sql<number>`count(*) filter (where ${outbox.state} in ('queued', 'running'))::int`,
          running: sql<number>`count(*) filter (where ${outbox.state} = 'running')::int`,
          failing: sql<number>`count(*) filter (where ${outbox.state} in ('queued', 'running') and ${outbox.lastError} <> '')::int`,
          failingSince:
            sql`min(${outbox.createdAt}) filter (where ${outbox.state} in ('queued', 'running') and ${outbox.lastError} <> '')`.mapWith(
              outbox.createdAt,
            ),
          dead: sql<number>`count(*) filter (where ${outbox.state} = 'dead')::int`,
          oldest: sql`min(${outbox.nextAt}) filter (where ${outbox.state} in ('queued', 'running'))`.mapWith(outbox.nextAt),
        })
        .from(outbox)
        .where(sql`${outbox.state} <> 'done'`)
        .groupBy(outbox.kind),
    );
  },

  async removeDone(tx: Tx, before: Date): Promise<void> {
    await run(tx.delete(outbox).where(and(eq(outbox.state, "done"), lt(outbox.finishedAt, before))));
  },
};

function isHeld({ id, owner }: Held) {
  return and(eq(outbox.id, id), eq(outbox.state, "running"), eq(outbox.leaseOwner, owner));
}
