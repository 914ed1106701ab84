import { and, count, desc, eq, inArray, isNull, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { machineHealth, providers } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** What is kept of a machine between its connections. */
export interface MachineRow {
  /** Stable identity: thumbprint of the device key. */
  readonly machineId: string;
  readonly accountId: string | undefined;
  /** Raw X25519 public key, base64. */
  readonly encryptionKey: string;
  readonly hardware: unknown;
  readonly models: unknown;
  readonly backend: string;
  readonly version: string;
  readonly trustLevel: string;
  readonly at: Date;
}

type StoredMachine = Pick<
  typeof providers.$inferSelect,
  "machineId" | "version" | "registeredAt" | "lastSeenAt" | "untrustedReason" | "counters"
>;

export const machineRepository = {
  /** Inserts the machine or replaces what is known of it, and says what is kept of it beside. */
  async register(
    tx: Tx,
    { machineId, at, ...facts }: MachineRow,
  ): Promise<{ readonly untrustedReason: string | undefined; readonly health: unknown; readonly counters: unknown }> {
    const known = { ...facts, accountId: facts.accountId ?? null, lastSeenAt: at };
    const [row] = await run(
      tx
        .insert(providers)
        .values({ machineId, registeredAt: at, ...known })
        .onConflictDoUpdate({ target: providers.machineId, set: known })
        .returning({ untrustedReason: providers.untrustedReason, counters: providers.counters }),
    );
    const [kept] = await run(tx.select({ health: machineHealth.health }).from(machineHealth).where(eq(machineHealth.machineId, machineId)));
    return { untrustedReason: row?.untrustedReason ?? undefined, health: kept?.health, counters: row?.counters ?? null };
  },

  /** Replaces what is kept of the health of machines; of one that has no row nothing is kept. */
  async saveHealth(tx: Tx, machines: readonly { readonly machineId: string; readonly health: unknown }[], at: Date): Promise<void> {
    const known = await run(
      tx
        .select({ machineId: providers.machineId })
        .from(providers)
        .where(
          inArray(
            providers.machineId,
            machines.map(({ machineId }) => machineId),
          ),
        ),
    );
    const ids = new Set(known.map(({ machineId }) => machineId));
    const rows = machines.flatMap(({ machineId, health }) => (ids.has(machineId) ? [{ machineId, health, updatedAt: at }] : []));
    if (rows.length === 0) return;
    await run(
      tx
        .insert(machineHealth)
        .values(rows)
        .onConflictDoUpdate({
          target: machineHealth.machineId,
          set: { health: sql`excluded.health`, updatedAt: sql`excluded.updated_at` },
        }),
    );
  },

  async countOfAccount(tx: Tx, accountId: string): Promise<number> {
    const [row] = await run(tx.select({ machines: count() }).from(providers).where(eq(providers.accountId, accountId)));
    return row?.machines ?? 0;
  },

  /** Machines that were last registered for an account, the one seen last first. */
  async ofAccount(tx: Tx, accountId: string, limit: number): Promise<StoredMachine[]> {
    const { machineId, version, registeredAt, lastSeenAt, untrustedReason, counters } = providers;
    return run(
      tx
        .select({ machineId, version, registeredAt, lastSeenAt, untrustedReason, counters })
        .from(providers)
        .where(eq(providers.accountId, accountId))
        .orderBy(desc(providers.lastSeenAt))
        .limit(limit),
    );
  },

  /** The first reason stays. */
  async markUntrusted(tx: Tx, machineId: string, reason: string, at: Date): Promise<void> {
    const trusted = and(eq(providers.machineId, machineId), isNull(providers.untrustedReason));
    await run(tx.update(providers).set({ untrustedReason: reason, untrustedAt: at }).where(trusted));
  },

  /** The row stays, without what describes the machine: what it did wrong is not to be forgotten with its owner. */
  async unlink(tx: Tx, machineId: string, accountId: string): Promise<void> {
    const own = and(eq(providers.machineId, machineId), eq(providers.accountId, accountId));
    await run(tx.update(providers).set({ accountId: null, hardware: {}, models: [] }).where(own));
  },
};
