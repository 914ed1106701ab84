import { and, count, desc, eq, isNull } from "drizzle-orm";
import { run } from "../run-query.js";
import { providers } from "../schema/index.js";
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

type StoredMachine = Pick<typeof providers.$inferSelect, "machineId" | "version" | "registeredAt" | "lastSeenAt" | "untrustedReason">;

export const machineRepository = {
  /** Inserts the machine or replaces what is known of it, and says why it is untrusted, if it is. */
  async register(tx: Tx, { machineId, at, ...facts }: MachineRow): Promise<{ readonly untrustedReason: string | undefined }> {
    const known = { ...facts, accountId: facts.accountId ?? null, lastSeenAt: at };
    const [row] = await run(
      tx
        .insert(providers)
        .values({ machineId, registeredAt: at, ...known })
        .onConflictDoUpdate({ target: providers.machineId, set: known })
        .returning({ untrustedReason: providers.untrustedReason }),
    );
    return { untrustedReason: row?.untrustedReason ?? undefined };
  },

  async countOfAccount(tx: Tx, accountId: string): Promise<number> {
    const [row] = await run(tx.select({ machines: count() }).from(providers).where(eq(providers.accountId, accountId)));
    return row?.machines ?? 0;
  },

  /** Machines that were last registered for an account, the one seen last first. */
  async ofAccount(tx: Tx, accountId: string, limit: number): Promise<StoredMachine[]> {
    const { machineId, version, registeredAt, lastSeenAt, untrustedReason } = providers;
    return run(
      tx
        .select({ machineId, version, registeredAt, lastSeenAt, untrustedReason })
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

  async touch(tx: Tx, machineId: string, at: Date): Promise<void> {
    await run(tx.update(providers).set({ lastSeenAt: at }).where(eq(providers.machineId, machineId)));
  },
};
