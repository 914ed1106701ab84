import { and, desc, eq, inArray, isNull, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { providerSessions, providers } from "../schema/index.js";
import type { Tx } from "../tx.js";

interface MachineSession {
  readonly sessionId: string;
  readonly machineId: string;
  readonly accountId: string | undefined;
  readonly version: string;
  readonly openedAt: Date;
}
type StoredSession = Pick<
  typeof providerSessions.$inferSelect,
  "sessionId" | "version" | "openedAt" | "lastSeenAt" | "closedAt" | "reason"
>;

/** Why a connection is over of which no coordinator has seen the end. */
const RESTART = "coordinator_restart";

export const machineSessionRepository = {
  async open(tx: Tx, session: MachineSession): Promise<void> {
    const row = { ...session, lastSeenAt: session.openedAt };
    await run(tx.insert(providerSessions).values(row).onConflictDoNothing());
  },

  async seen(
    tx: Tx,
    { machineId, sessionId }: Pick<MachineSession, "machineId" | "sessionId">,
    counters: unknown,
    at: Date,
  ): Promise<void> {
    await run(tx.update(providers).set({ lastSeenAt: at, counters }).where(eq(providers.machineId, machineId)));
    const open = and(eq(providerSessions.sessionId, sessionId), isNull(providerSessions.closedAt));
    await run(tx.update(providerSessions).set({ lastSeenAt: at }).where(open));
  },

  /** Also of one that was never opened, so that an end which overtakes its beginning is not lost. The first end stays. */
  async close(tx: Tx, session: MachineSession, reason: string, at: Date): Promise<void> {
    const end = { lastSeenAt: at, closedAt: at, reason };
    await run(
      tx
        .insert(providerSessions)
        .values({ ...session, ...end })
        .onConflictDoUpdate({ target: providerSessions.sessionId, set: end, setWhere: isNull(providerSessions.closedAt) }),
    );
  },

  /** Ends connections that nobody has seen since: they ended when they were seen last. */
  async closeLost(tx: Tx, seenBefore: Date): Promise<void> {
    const lost = and(isNull(providerSessions.closedAt), lt(providerSessions.lastSeenAt, seenBefore));
    await run(
      tx
        .update(providerSessions)
        .set({ closedAt: sql`${providerSessions.lastSeenAt}`, reason: RESTART })
        .where(lost),
    );
  },

  async ofMachine(tx: Tx, machineId: string, limit: number): Promise<StoredSession[]> {
    const { sessionId, version, openedAt, lastSeenAt, closedAt, reason } = providerSessions;
    return run(
      tx
        .select({ sessionId, version, openedAt, lastSeenAt, closedAt, reason })
        .from(providerSessions)
        .where(eq(providerSessions.machineId, machineId))
        .orderBy(desc(openedAt))
        .limit(limit),
    );
  },

  async deleteClosed(tx: Tx, closedBefore: Date, limit: number): Promise<number> {
    const old = tx
      .select({ id: providerSessions.sessionId })
      .from(providerSessions)
      .where(lt(providerSessions.closedAt, closedBefore))
      .limit(limit);
    const rows = await run(
      tx.delete(providerSessions).where(inArray(providerSessions.sessionId, old)).returning({ id: providerSessions.sessionId }),
    );
    return rows.length;
  },
};
