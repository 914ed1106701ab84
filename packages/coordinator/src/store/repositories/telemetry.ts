import { and, desc, eq, gte, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { telemetryEvents } from "../schema/index.js";
import type { Tx } from "../tx.js";

type EventRow = typeof telemetryEvents.$inferInsert;
type StoredEventRow = typeof telemetryEvents.$inferSelect;

interface EventFilter {
  readonly since: Date;
  readonly until?: Date;
  readonly kind?: string;
  readonly severity?: string;
  readonly source?: string;
  readonly message?: string;
  readonly machine?: string;
  readonly version?: string;
  readonly fingerprint?: string;
}

export const telemetryRepository = {
  /** An event that is there already stays as it is. */
  async insert(tx: Tx, rows: readonly EventRow[]): Promise<void> {
    await run(
      tx
        .insert(telemetryEvents)
        .values([...rows])
        .onConflictDoNothing({ target: telemetryEvents.eventId }),
    );
  },

  /** Latest first. @param page only rows before one, so many at most */
  async browse(tx: Tx, filter: EventFilter, page: { readonly before?: number; readonly limit: number }): Promise<StoredEventRow[]> {
    const before = page.before === undefined ? undefined : lt(telemetryEvents.id, page.before);
    return run(
      tx
        .select()
        .from(telemetryEvents)
        .where(and(where(filter), before))
        .orderBy(desc(telemetryEvents.id))
        .limit(page.limit),
    );
  },

  /** Events that are the same but for when and where, those that came most often first. */
  async groups(tx: Tx, filter: EventFilter, limit: number) {
    const { fingerprint, message, kind, severity, receivedAt, machine, version } = telemetryEvents;
    const events = sql<number>`count(*)::int`;
    return run(
      tx
        .select({
          ...{ fingerprint, message, kind, severity, events },
          machines: sql<number>`count(distinct ${machine})::int`,
          versions: sql<string[]>`coalesce(to_json((array_agg(distinct ${version}) filter (where ${version} is not null))[:8]), '[]')`,
          firstAt: sql<Date>`min(${receivedAt})`.mapWith(receivedAt),
          lastAt: sql<Date>`max(${receivedAt})`.mapWith(receivedAt),
        })
        .from(telemetryEvents)
        .where(where(filter))
        .groupBy(fingerprint, message, kind, severity)
        .orderBy(desc(events), fingerprint)
        .limit(limit),
    );
  },

  async removeOlderThan(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(telemetryEvents).where(lt(telemetryEvents.receivedAt, at)));
  },
};

function where(filter: EventFilter) {
  const { since, until, ...rest } = filter;
  const names = ["kind", "severity", "source", "message", "machine", "version", "fingerprint"] as const;
  return and(
    gte(telemetryEvents.receivedAt, since),
    until && lt(telemetryEvents.receivedAt, until),
    ...names.map((name) => (rest[name] === undefined ? undefined : eq(telemetryEvents[name], rest[name]))),
  );
}
